import { expect, test } from "vitest";

import { uriOf } from "~/shared/artifacts/modelFolder";

test.each([
  ["workspaces/w/loggedModels/m-1", "", "models:/m-1"],
  ["workspaces/w/loggedModels/m-1", "data/x", "models:/m-1/data/x"],
  ["workspaces/w/models/fare/versions/3", "", "models:/fare/3"],
  ["workspaces/w/runs/r1", "model", "runs:/r1/model"],
  ["workspaces/w/runs/r1", "", "runs:/r1"],
])("%s %s is called %s", (owner, path, uri) => {
  expect(uriOf({ owner, path })).toBe(uri);
});
