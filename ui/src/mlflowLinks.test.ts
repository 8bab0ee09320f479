import { expect, test } from "vitest";

import { pathOfMlflow } from "~/mlflowLinks";

test.each([
  ["/", "#/experiments/3/runs/abc", "/w/default/runs/abc"],
  ["/", "#/experiments/3/runs/abc/artifacts/model", "/w/default/runs/abc"],
  ["/w/team/", "#/experiments/3", "/w/team/experiments/3"],
  ["/", "#/experiments/3?searchFilter=x", "/w/default/experiments/3"],
  ["/", "#/experiments", "/w/default/experiments"],
  ["/w/team/", "#/models/iris/versions/2", "/w/team/models/iris/versions/2"],
  ["/", "#/models/iris", "/w/default/models/iris"],
  ["/", "#/models", "/w/default/models"],
  ["/", '#/compare-runs?runs=["a","b"]&experiments=["1"]', "/w/default/compare?runs=%5B%22a%22%2C%22b%22%5D"],
  ["/", "#/compare-runs?runs=[broken", "/w/default/experiments"],
  ["/", "#/prompts", null],
])("%s%s leads to %s", (path, hash, expected) => {
  expect(pathOfMlflow(path, hash)).toBe(expected);
});
