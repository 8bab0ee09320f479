import { expect, test } from "vitest";

import { filterOf, inTyped, isNested } from "~/features/runs/filters";
import { experimentIds, runsSearch } from "~/features/runs/search";

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

test("several experiments are shown once each", () => {
  expect(experimentIds("1", runsSearch({ and: 2 }).and)).toEqual(["1", "2"]);
  expect(experimentIds("1", "2, 1,x,2")).toEqual(["1", "2"]);
});

test("what is chosen composes with what is typed", () => {
  expect(filterOf({}, 0)).toBe("");
  expect(filterOf({ filter: "a = 'b' OR c = 'd'" }, 0)).toBe("a = 'b' OR c = 'd'");
  expect(filterOf({ filter: "a = 'b' OR c = 'd'", status: "FAILED", dataset: "it's", since: "1h" }, 3_600_001)).toBe(
    "(a = 'b' OR c = 'd') AND (status = 'FAILED') AND (start_time >= 1) AND (datasets.name = 'it''s')",
  );
});

test("runs are nested where nothing filters or sorts, unless somebody says otherwise", () => {
  expect(isNested({})).toBe(true);
  expect(isNested({ order: "created" })).toBe(true);
  expect(isNested({ order: "metric:loss" })).toBe(false);
  expect(isNested({ status: "FAILED" })).toBe(false);
  expect(isNested({ status: "FAILED", nested: true })).toBe(true);
  expect(isNested({ nested: false })).toBe(false);
});

test("a position in what was sent is one in what was typed", () => {
  const failure = {
    message: "Filter at character 4: no.",
    nextStep: "",
    reason: "FILTER_INVALID",
    facts: { position: "4" },
    fields: [],
    requestId: "",
    isPassing: false,
    isMissing: false,
    isDenied: false,
  };
  expect(inTyped(failure, "abcd", "abcd")).toBe(failure);
  expect(inTyped(failure, "abcd", "(abcd) AND (x)")).toMatchObject({
    message: "Filter at character 3: no.",
    facts: { position: "3" },
  });
});
