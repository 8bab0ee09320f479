import { expect, test } from "vitest";

import { curveOfPoints } from "~/charts/curve";
import { middles, smoothed } from "~/charts/smooth";

test("the average begins at the first value and forgets by its weight", () => {
  expect([...smoothed(Float64Array.of(4, 0, 0), 0.5)]).toEqual([4, 4 / 3, 4 / 7]);
  expect([...smoothed(Float64Array.of(7, 7, 7), 0.99)]).toEqual([7, 7, 7].map((each) => expect.closeTo(each, 10)));
});

test("what is not finite stays, and does not count", () => {
  expect([...smoothed(Float64Array.of(4, NaN, Infinity, 0), 0.5)]).toEqual([4, NaN, Infinity, 4 / 3]);
});

test("without a weight nothing changes", () => {
  const values = Float64Array.of(1, 5);
  expect(smoothed(values, 0)).toBe(values);
});

test("the middle of a bucket lies between its smallest and its largest value", () => {
  const curve = {
    ...curveOfPoints([0, 1, 2], [0, 0, 0]),
    mins: Float64Array.of(1, -1e308, NaN),
    maxs: Float64Array.of(3, 1e308, NaN),
  };
  expect([...middles(curve)]).toEqual([2, 0, NaN]);
});
