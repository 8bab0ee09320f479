import { expect, test } from "vitest";

import { chartsSearch } from "~/features/charts/search";

test("what a URL says is kept, and nothing else", () => {
  const search = {
    and: "2",
    filter: "metrics.loss < 1",
    selected: ["a"],
    most: 250,
    group: "param:lr",
    none: true,
    turned: ["a", "=0.1"],
    x: "relative",
    smooth: 0.5,
    clip: true,
    zoom: [1, 2],
    panels: { p1: { kind: "lines", section: "", place: 0, size: [2, 1], settings: { metrics: ["a"] }, isGone: true } },
    folded: ["system"],
    find: "loss",
    panel: "p1",
    saved: "b",
    edited: true,
  };
  expect(chartsSearch({ ...search, other: 1 })).toEqual(search);
});

test.each([
  { most: 7, x: "step", smooth: 1, clip: "yes", zoom: [2, 1], panels: [], none: 1, edited: "true" },
  { most: 100, zoom: [1, "2"], smooth: 0, panels: {}, turned: "a", folded: 1 },
])("what makes no sense, or is as at first, is dropped", (raw) => {
  expect(chartsSearch(raw)).toEqual({});
});

test.each([
  { size: [0, 99], fits: { size: [1, 4] } },
  { size: [2.4, 2.6], fits: { size: [2, 3] } },
  { size: "wide", fits: {} },
  { size: [1], fits: {} },
])("a panel of $size has a size that fits", ({ size, fits }) => {
  expect(chartsSearch({ panels: { a: { size, place: -1 } } }).panels?.["a"]).toEqual(fits);
});
