import { expect, test } from "vitest";

import { bandOf } from "~/charts/band";
import { curveOfPoints } from "~/charts/curve";

const plain = (column: Float64Array | Uint32Array): number[] => Array.from(column);

test("curves with the same places have a mean, a smallest and a largest value at each", () => {
  const { mean, range } = bandOf([curveOfPoints([0, 5], [1, 2]), curveOfPoints([0, 5], [3, 8])], 100);
  expect([mean.xs, mean.mins, range.mins, range.maxs].map(plain)).toEqual([
    [0, 5],
    [2, 5],
    [1, 2],
    [3, 8],
  ]);
});

test("a curve counts between its points by the line between them, and neither before nor after", () => {
  const often = curveOfPoints([0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 0]);
  const seldom = curveOfPoints([1, 4], [10, 40]);
  const { mean, range } = bandOf([often, seldom], 100);
  expect(plain(mean.xs)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(plain(mean.mins)).toEqual([0, 5, 10, 15, 20, 0]);
  expect(plain(range.maxs)).toEqual([0, 10, 20, 30, 40, 0]);
});

test("each curve counts once in a bucket, however many points it has there", () => {
  const { mean, range } = bandOf([curveOfPoints([0, 1, 2, 9], [1, 1, 1, 0]), curveOfPoints([0, 9], [5, 0])], 2);
  expect(plain(mean.xs)).toEqual([0, 9]);
  expect(plain(mean.mins)).toEqual([3, 0]);
  expect([range.mins[0], range.maxs[0]]).toEqual([1, 5]);
});

test("what is not finite is in the range, and not in the mean", () => {
  const { mean, range } = bandOf([curveOfPoints([0, 1], [NaN, Infinity]), curveOfPoints([0, 1], [4, 6])], 10);
  expect([mean.mins, range.mins, range.maxs, range.nans].map(plain)).toEqual([
    [4, 6],
    [4, 6],
    [4, Infinity],
    [1, 0],
  ]);
});

test("no curve has an empty band, and curves of one place have one bucket", () => {
  expect(bandOf([curveOfPoints([], [])], 10).mean.xs).toHaveLength(0);
  const { mean } = bandOf([curveOfPoints([7], [1]), curveOfPoints([7, 7], [2, 4])], 10);
  expect([mean.xs, mean.mins].map(plain)).toEqual([[7], [2]]);
});

const rising = (count: number, step: number): number[] => Array.from({ length: count }, (_, place) => place * step);

test("what is zoomed in on has buckets of its own, and every spike in it", () => {
  const often = curveOfPoints(rising(1000, 1), rising(1000, 0));
  const seldom = curveOfPoints(
    rising(500, 2),
    rising(500, 0).map((_, place) => (place === 203 ? 9 : 2)),
  );
  const { mean, range } = bandOf([often, seldom], 20, [400, 409]);
  const places = plain(mean.xs).flatMap((x, place) => (x >= 400 && x <= 409 ? [place] : []));
  expect(places.map((place) => mean.xs[place])).toEqual([400, 401, 402, 403, 404, 405, 406, 407, 408, 409]);
  expect(places.map((place) => mean.mins[place])).toEqual([1, 1, 1, 1, 1, 2.75, 4.5, 2.75, 1, 1]);
  expect(Math.max(...places.map((place) => range.maxs[place] ?? NaN))).toBe(9);
  // Beyond it the band is as coarse as before.
  expect(mean.xs.length).toBeLessThanOrEqual(30);
});
