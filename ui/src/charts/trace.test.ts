import { expect, test } from "vitest";

import type { Curve } from "~/charts/curve";
import { curveOfPoints, isBucketed, nearest } from "~/charts/curve";
import { scaleOf } from "~/charts/scale";
import { SvgSurface } from "~/charts/surface";
import { trace, traceArea } from "~/charts/trace";

const PLOT = { left: 0, top: 0, right: 100, bottom: 100 };

function path(curve: Curve, xs: readonly [number, number], isLog = false): { d: string; alone: number[] } {
  const surface = new SvgSurface();
  const ys = scaleOf(isLog ? [1, 100] : [0, 10], [100, 0], isLog);
  surface.beginPath();
  const alone = trace(surface, curve, scaleOf(xs, [0, 100]), ys, PLOT);
  surface.stroke();
  return { d: /d="([^"]*)"/.exec(surface.picture(1, 1))?.[1] ?? "", alone };
}

test("a line goes through its points, with a gap where one is NaN", () => {
  const { d, alone } = path(curveOfPoints([0, 1, 2, 3, 4], [0, 10, NaN, 5, 5]), [0, 4]);
  expect(d).toBe("M0 100L25 0M75 50L100 50");
  expect(alone).toEqual([]);
});

test("a point that no line leads to is named", () => {
  expect(path(curveOfPoints([0, 1, 2], [NaN, 5, NaN]), [0, 2]).alone).toEqual([50, 50]);
});

test("a bucket's smallest and largest value are both touched", () => {
  const curve = { ...curveOfPoints([0, 1], [1, 1]), maxs: Float64Array.of(1, 9) };
  expect(isBucketed(curve)).toBe(true);
  expect(path(curve, [0, 1]).d).toBe("M0 90L100 90L100 10");
});

test("no spike is lost where thousands of points share a pixel", () => {
  const values = Array.from({ length: 100_000 }, (_, step) => (step === 54_321 ? 10 : 1));
  const { d } = path(curveOfPoints([...values.keys()], values), [0, 100_000]);
  expect(d).toContain(" 0L");
  expect(d.length).toBeLessThan(3000);
});

test("the infinite and what is beyond the axis is drawn at the edge", () => {
  expect(path(curveOfPoints([0, 1, 2], [Infinity, -Infinity, 50]), [0, 2]).d).toBe("M0 -1L50 101L100 -1");
});

test("an axis of powers has a gap where values are not positive", () => {
  const { d, alone } = path(curveOfPoints([0, 1, 2, 3], [1, 0, 10, 100]), [0, 3], true);
  expect(d).toBe("M0 100M66.67 50L100 0");
  expect(alone).toEqual([0, 100]);
});

test("a line that comes from outside and goes there is drawn to both edges", () => {
  expect(path(curveOfPoints([0, 10], [0, 10]), [4, 6]).d).toBe("M0 60L100 40");
  expect(path(curveOfPoints([0, 5, 10], [0, 10, 0]), [4, 6]).d).toBe("M0 20L50 0L100 20");
  expect(path(curveOfPoints([0, 5, 10], [NaN, 10, NaN]), [4, 6])).toEqual({ d: "M50 0", alone: [50, 0] });
});

test("an area lies between the smallest and the largest values, with a gap where there are none", () => {
  const { xs, mins, nans } = curveOfPoints([0, 1, 2, 3], [1, 2, NaN, 4]);
  const surface = new SvgSurface();
  surface.beginPath();
  const curve = { xs, mins, maxs: Float64Array.of(3, 4, NaN, 6), nans };
  traceArea(surface, curve, scaleOf([0, 4], [0, 100]), scaleOf([0, 10], [100, 0]), PLOT);
  surface.fill();
  expect(surface.picture(1, 1)).toContain('d="M0 70L25 60L25 80L0 90ZM74 40h2v20h-2Z"');
});

test("the nearest bucket is found", () => {
  const curve = curveOfPoints([0, 10, 20], [1, 2, 3]);
  expect([-5, 4, 6, 99].map((x) => nearest(curve, x))).toEqual([0, 0, 1, 2]);
  expect(nearest(curveOfPoints([], []), 1)).toBe(-1);
});
