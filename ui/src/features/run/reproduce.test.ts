import { expect, test } from "vitest";

import { environmentIn } from "~/shared/captured/captured";
import { reproduceLines } from "~/features/run/reproduce";

const run = {
  name: "workspaces/w/runs/r1",
  gitCommit: "abc",
  tags: { "trivet.git.remote": "https://host/it's.git", "trivet.command": "python train.py --lr 0.1" },
};

test("the commit is checked out, changed as it was, and the command given", () => {
  expect(reproduceLines(run, ["trivet/diff.patch"])).toBe(
    [
      String.raw`git clone 'https://host/it'\''s.git' again && cd again`,
      "git checkout abc",
      "trivet artifacts cat r1 trivet/diff.patch | git apply",
      "python train.py --lr 0.1",
    ].join("\n"),
  );
});

test("without git, the source is fetched", () => {
  expect(reproduceLines({ ...run, gitCommit: "" }, ["trivet/source/train.py"])).toBe(
    "trivet artifacts get r1 trivet/source/train.py --to .\npython train.py --lr 0.1",
  );
  expect(reproduceLines({ ...run, gitCommit: "", tags: {} }, [])).toBe("");
});

test("an environment is read, and something else is none", () => {
  expect(environmentIn('{"python": "3.12", "processors": 8, "packages": {"numpy": "2.0"}, "variables": {}}')).toEqual({
    facts: [
      ["Python", "3.12"],
      ["Processors", "8"],
    ],
    packages: [["numpy", "2.0"]],
    variables: [],
  });
  expect(environmentIn("[1]")).toBeNull();
  expect(environmentIn("{")).toBeNull();
});
