import { expect, test } from "vitest";

import { xTicks, yTicks } from "~/charts/axisTicks";
import type { Range } from "~/charts/curve";
import { curveOfPoints } from "~/charts/curve";
import { scaleOf, valuesIn } from "~/charts/scale";

const ALL = { isLog: false, ignoresOutliers: false };
const steps = Array.from({ length: 1000 }, (_, step) => step);

test("a scale leads to pixels and back", () => {
  const linear = scaleOf([0, 10], [100, 0]);
  expect([linear.at(5), linear.valueAt(50)]).toEqual([50, 5]);
  const log = scaleOf([1, 100], [0, 200], true);
  expect(log.at(10)).toBeCloseTo(100);
  expect(log.valueAt(100)).toBeCloseTo(10);
  expect(scaleOf([-1.7e308, 1.7e308], [0, 100]).at(0)).toBe(50);
});

test("what is not finite, and on an axis of powers what is not positive, has no place", () => {
  const curve = curveOfPoints([0, 1, 2, 3, 4], [NaN, Infinity, -5, 1, 11]);
  expect(valuesIn([curve], [0, 4], ALL)).toEqual([-5.8, 11.8]);
  expect(valuesIn([curve], [0, 4], { ...ALL, isLog: true })).toEqual([
    expect.closeTo(1 / 11 ** 0.05, 10),
    expect.closeTo(11 ** 1.05, 10),
  ]);
  expect(valuesIn([curve], [0, 1], ALL)).toBeNull();
});

test("only what is in sight counts", () => {
  const curve = curveOfPoints(steps, steps);
  expect(valuesIn([curve], [100, 110], ALL)).toEqual([99.5, 110.5]);
});

test("a few outliers do not decide over the axis", () => {
  const curve = curveOfPoints(
    steps,
    steps.map((step) => (step % 100 === 7 ? 1e6 : step / 1000)),
  );
  const [, high] = valuesIn([curve], [0, 999], { isLog: false, ignoresOutliers: true }) ?? [0, 0];
  expect(high).toBeLessThan(2);
});

test.each<[Range, string[]]>([
  [
    [0, 100],
    ["0", "50", "100"],
  ],
  [
    [0, 1_000_000],
    ["0", "500K", "1M"],
  ],
  [
    [1_000_000, 1_000_004],
    ["1,000,000", "1,000,002", "1,000,004"],
  ],
])("steps from %j", (range, labels) => {
  expect(xTicks("step", range, 2).map(({ label }) => label)).toEqual(labels);
});

test("times since the start are counted as people do", () => {
  expect(xTicks("relative", [0, 3_600_000], 4).map(({ label }) => label)).toEqual([
    "0",
    "15 min",
    "30 min",
    "45 min",
    "1 h",
  ]);
});

test("labels of values that are close have as many digits as they need", () => {
  expect(yTicks([0.99991, 0.99993], false, 2).map(({ label }) => label)).toEqual(["0.99991", "0.99992", "0.99993"]);
});
