import { expect, test } from "vitest";

import type { Folder } from "~/shared/artifacts/queries";
import { rowBeginningWith, rowsOf } from "~/shared/artifacts/rows";
import type { Entry } from "~/shared/artifacts/tree";

const entry = (path: string, isFolder = false): Entry => ({
  path,
  name: path.slice(path.lastIndexOf("/") + 1),
  isFolder,
  places: [],
});
const folder = (entries: readonly Entry[], more: Partial<Folder> = {}): Folder => ({
  entries,
  isLoading: false,
  failure: null,
  hasMore: false,
  ...more,
});
const top = [entry("data", true), entry("model", true), entry("zip.txt")];

test("what is in an open folder is below it, one level deeper", () => {
  const folders = new Map([
    ["", folder(top)],
    ["model", folder([entry("model/MLmodel")])],
  ]);
  const rows = rowsOf(top, folders, new Set(["", "model"]));
  expect(rows.map((row) => [row.kind === "entry" ? row.entry.path : row.text, row.level])).toEqual([
    ["data", 1],
    ["model", 1],
    ["model/MLmodel", 2],
    ["zip.txt", 1],
  ]);
});

test("a folder says that it is read, empty, or goes on", () => {
  const folders = new Map([
    ["", folder(top, { hasMore: true })],
    ["model", folder([])],
  ]);
  const notes = rowsOf(top, folders, new Set(["", "data", "model"])).filter((row) => row.kind !== "entry");
  expect(notes.map((row) => [row.kind, row.level])).toEqual([
    ["reading", 2],
    ["empty", 2],
    ["more", 1],
  ]);
});

test("letters lead to the next name that begins with them, and around", () => {
  const rows = rowsOf(top, new Map([["", folder(top)]]), new Set([""]));
  expect([rowBeginningWith(rows, 1, "M"), rowBeginningWith(rows, 2, "d"), rowBeginningWith(rows, 0, "q")]).toEqual([
    1, 0, -1,
  ]);
});
