import { expect, test } from "vitest";

import { curveOfPoints, withPart } from "~/charts/curve";

test("a part that was read more finely takes the place of what was there", () => {
  const whole = curveOfPoints([0, 10, 20, 30], [0, 1, NaN, 3]);
  const { xs, mins, maxs, nans } = withPart(whole, curveOfPoints([10, 12, 14], [1, NaN, 5]), [10, 20]);
  expect(Array.from(xs)).toEqual([0, 10, 12, 14, 30]);
  expect(Array.from(mins)).toEqual([0, 1, NaN, 5, 3]);
  expect(maxs).toBe(mins);
  expect(Array.from(nans)).toEqual([0, 0, 1, 0, 0]);
});

test("a part with buckets keeps their ranges beside points", () => {
  const part = { ...curveOfPoints([5], [1]), maxs: Float64Array.of(9) };
  const { mins, maxs } = withPart(curveOfPoints([0, 10], [2, 3]), part, [4, 6]);
  expect([Array.from(mins), Array.from(maxs)]).toEqual([
    [2, 1, 3],
    [2, 9, 3],
  ]);
});

test("a range without anything leaves a curve as it is", () => {
  const whole = curveOfPoints([0, 10], [2, 3]);
  expect(withPart(whole, curveOfPoints([], []), [4, 6])).toBe(whole);
});
