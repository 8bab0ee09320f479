import { expect, test } from "vitest";

import { isNested } from "~/features/runs/nesting";
import { runsSearch } from "~/features/runs/search";

test("what a URL says is kept, and nothing else", () => {
  const search = {
    and: "2,3",
    filter: "metrics.loss < 1",
    view: "deleted",
    status: "FAILED",
    since: "7d",
    order: "metric:loss",
    desc: true,
    columns: ["status"],
    pinned: ["status"],
    widths: { status: 200 },
    nested: false,
    open: ["a"],
    selected: ["b"],
    about: true,
  };
  expect(runsSearch({ ...search, other: 1 })).toEqual(search);
});

test.each([
  { view: "never", status: "running", since: "1y", columns: "status", widths: [1], nested: "yes", desc: true },
  { filter: "", widths: { status: "wide" }, about: "true", order: 7 },
])("what makes no sense is dropped", (raw) => {
  expect(runsSearch(raw)).toEqual({});
});

test("a column is neither too narrow to see nor wider than a screen", () => {
  expect(runsSearch({ widths: { a: 1, b: 99_999 } }).widths).toEqual({ a: 48, b: 1200 });
});

test("runs are nested where nothing filters or sorts, unless somebody says otherwise", () => {
  expect(isNested({})).toBe(true);
  expect(isNested({ order: "created" })).toBe(true);
  expect(isNested({ order: "metric:loss" })).toBe(false);
  expect(isNested({ status: "FAILED" })).toBe(false);
  expect(isNested({ status: "FAILED", nested: true })).toBe(true);
  expect(isNested({ nested: false })).toBe(false);
});
