import { create } from "@bufbuild/protobuf";
import { parseDiff } from "react-diff-view";
import { expect, test } from "vitest";

import { ArtifactSchema } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import { filePairs, valuePairs } from "~/features/compare/diff/changes";
import { patchOf } from "~/features/compare/diff/patch";

const file = (path: string, digest: number, size = 1n) =>
  create(ArtifactSchema, { path, sizeBytes: size, sha256: Uint8Array.of(digest) });

test("files are told apart by their digests", () => {
  const pairs = filePairs([file("a", 1), file("b", 1), file("c/d", 1)], [file("a", 1), file("b", 2), file("e", 1)]);
  expect(pairs.map(({ path, change }) => [path, change])).toEqual([
    ["a", "same"],
    ["b", "changed"],
    ["c/d", "removed"],
    ["e", "added"],
  ]);
});

test("values are paired by name, and what one has not is nothing", () => {
  expect(
    valuePairs(
      [
        ["numpy", "1"],
        ["scipy", "2"],
      ],
      [
        ["numpy", "3"],
        ["torch", "4"],
      ],
    ),
  ).toEqual([
    { name: "numpy", one: "1", other: "3" },
    { name: "scipy", one: "2", other: null },
    { name: "torch", one: null, other: "4" },
  ]);
});

test("a patch is what viewers of git's read", () => {
  const [read] = parseDiff(patchOf("train.py", "a\nb\nc\n", "a\nB\nc") ?? "");
  expect(read?.newPath).toBe("train.py");
  const changes = read?.hunks.flatMap((hunk) => hunk.changes.map(({ type, content }) => `${type} ${content}`));
  expect(changes?.slice(0, 3)).toEqual(["normal a", "delete b", "delete c"]);
  expect(patchOf("train.py", "a", "a")).toBe("");
});
