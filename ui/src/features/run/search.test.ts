import { expect, test } from "vitest";

import { runSearch } from "~/features/run/search";

test("what is understood is kept", () => {
  const search = {
    tab: "metrics",
    q: "loss",
    metric: ["a", "b"],
    x: "time",
    smooth: 0.6,
    log: true,
    clip: true,
    points: true,
    zoom: [1, 2],
    stream: "stderr",
    rank: 0,
    line: 12,
    path: "model/MLmodel",
  };
  expect(runSearch(search)).toEqual(search);
});

test("what is not, and what is as at first, is dropped", () => {
  expect(
    runSearch({
      tab: "overview",
      q: "",
      metric: [1],
      x: "step",
      smooth: 1,
      log: "yes",
      zoom: [2, 1],
      stream: "all",
      rank: -1,
      line: 0.5,
      other: 1,
    }),
  ).toEqual({});
  expect(runSearch({ metric: "loss" })).toEqual({ metric: ["loss"] });
});
