import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import type { Metric } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { MetricSchema } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { MOST_RANKS, ranksOf } from "~/features/charts/lines/ranks";

const metric = (rank: number | null, step: number, time = 0): Metric =>
  create(MetricSchema, {
    key: "loss",
    step: BigInt(step),
    timeMillis: BigInt(time),
    ...(rank === null ? {} : { context: { rank } }),
  });

test("the slowest rank is the one at the lowest step, and there the one that came last", () => {
  const found = ranksOf([metric(null, 9, 99), metric(0, 9, 10), metric(1, 7, 20), metric(2, 7, 30)]);
  expect(found.slowest?.rank).toBe(2);
  expect(found.ranks.map(({ rank }) => rank)).toEqual([0, 1, 2]);
});

test("a rank alone is not slower than others, and no rank is none", () => {
  expect(ranksOf([metric(null, 1), metric(3, 1)])).toMatchObject({ ranks: [{ rank: 3 }], slowest: null });
  expect(ranksOf([metric(null, 1)])).toEqual({ ranks: [], slowest: null });
});

test("of too many ranks the slowest are kept", () => {
  const found = ranksOf(Array.from({ length: MOST_RANKS + 10 }, (_, rank) => metric(rank, 1000 - rank)));
  expect(found.ranks).toHaveLength(MOST_RANKS);
  expect(found.ranks.at(-1)?.rank).toBe(MOST_RANKS + 9);
  expect(found.slowest?.rank).toBe(MOST_RANKS + 9);
});
