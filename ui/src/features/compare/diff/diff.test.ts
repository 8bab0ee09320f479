import { create } from "@bufbuild/protobuf";
import { parseDiff } from "react-diff-view";
import { expect, test } from "vitest";

import { ArtifactSchema } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import { comparable, filePairs, MOST_FILES, valuePairs } from "~/features/compare/diff/changes";
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

test("beyond the end of a list that was cut, files are not taken to be added or removed", () => {
  const many = Array.from({ length: MOST_FILES }, (_, place) => file(`f/${String(place).padStart(5, "0")}`, 1));
  const pairs = filePairs(...comparable(many, [file("f/00000", 1), file("f/00001x", 1), file("g", 1)]));
  expect(pairs).toHaveLength(MOST_FILES + 1);
  expect(pairs.filter(({ change }) => change === "added").map(({ path }) => path)).toEqual(["f/00001x"]);
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
