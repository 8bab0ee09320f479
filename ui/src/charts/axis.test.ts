import { expect, test } from "vitest";

import type { Axis } from "~/charts/axis";
import { axisOf, canBeLog } from "~/charts/axis";
import { brushed, brushesFrom } from "~/charts/brush";
import type { Dimension } from "~/charts/dimension";
import { dimensionOfTexts } from "~/charts/dimension";

const numbers = (...values: (number | null)[]): Dimension => ({ kind: "number", id: "n", label: "n", values });
const categories = (...values: (string | null)[]): Dimension => ({ kind: "category", id: "c", label: "c", values });
const positions = (axis: Axis): number[] => [...axis.positions].map((each) => Math.round(each * 1000) / 1000);

test("numbers go from the smallest to the largest", () => {
  expect(positions(axisOf(numbers(2, 4, 3)))).toEqual([0, 1, 0.5]);
});

test("powers of ten are as far from each other where the axis is one of powers", () => {
  expect(positions(axisOf(numbers(0.01, 1, 0.1), { isLog: true }))).toEqual([0, 1, 0.5]);
});

test("what is no finite number has a place beside those that are", () => {
  const axis = axisOf(numbers(1, NaN, null, Infinity, -Infinity, 3));
  expect(new Set(positions(axis)).size).toBe(6);
  expect(axis.ticks.filter((tick) => tick.isAside).map((tick) => tick.label)).toEqual(["none", "NaN", "−∞", "∞"]);
  expect(Math.max(...axis.positions)).toBe(1);
});

test("an axis of powers has a place for what is not positive, and there is none without a positive value", () => {
  const axis = axisOf(numbers(-1, 0, 1, 10), { isLog: true });
  expect(axis.ticks.filter((tick) => tick.isAside).map((tick) => tick.label)).toEqual(["≤ 0"]);
  expect([canBeLog(numbers(-1, 0, null)), canBeLog(numbers(1)), canBeLog(categories("1"))]).toEqual([
    false,
    true,
    false,
  ]);
  expect(axisOf(numbers(-1, -2), { isLog: true }).isLog).toBe(false);
});

test.each([
  ["one value", [5, 5]],
  ["zero", [0, 0]],
  ["nothing but NaN", [NaN, NaN]],
  ["no values", [null, null]],
  ["the largest numbers", [-1.7e308, 1.7e308]],
  ["the smallest", [5e-324, 1e-323]],
])("an axis of %s can be drawn", (_, values) => {
  for (const isNice of [true, false]) {
    const axis = axisOf(numbers(...values), { isNice });
    expect([...axis.positions].every((each) => each >= 0 && each <= 1)).toBe(true);
    expect(axis.ticks.every((tick) => Number.isFinite(tick.at))).toBe(true);
  }
});

test("categories are sorted as people do, those without one apart", () => {
  const axis = axisOf(categories("b", "10", "2", null, ""));
  expect(axis.ticks.map((tick) => tick.label)).toEqual(["(empty)", "2", "10", "b", "none"]);
});

test("texts are numbers where all of them are", () => {
  expect(dimensionOfTexts("x", "x", ["1e-3", " 2 ", null, "-inf", "nan"]).values).toEqual([
    0.001,
    2,
    null,
    -Infinity,
    NaN,
  ]);
  expect(dimensionOfTexts("x", "x", ["1", "auto"]).kind).toBe("category");
  expect(dimensionOfTexts("x", "x", ["0x10"]).kind).toBe("category");
  expect(dimensionOfTexts("x", "x", [""]).kind).toBe("category");
});

test("runs within an interval are brushed, and the brush is drawn where it was", () => {
  const dimension = numbers(0, 5, 10, null);
  const axis = axisOf(dimension);
  const brush = axis.brushBetween(axis.positionOf(4), axis.positionOf(11));
  expect(brush).toEqual({ range: [4, 10] });
  expect(brushed([dimension], { n: brush ?? {} }, 4)).toEqual([1, 2]);
  const [span] = axis.spansOf(brush ?? {});
  expect(span?.[0]).toBeCloseTo(axis.positionOf(4));
  expect(span?.[1]).toBe(1);
});

test("runs without a value are brushed at their place", () => {
  const dimension = numbers(1, null, NaN, 3);
  const axis = axisOf(dimension);
  expect(axis.brushBetween(0, 0.03)).toEqual({ at: [null] });
  expect(brushed([dimension], { n: { at: [null] } }, 4)).toEqual([1]);
  expect(brushed([dimension], { n: { at: ["NaN"] } }, 4)).toEqual([2]);
  expect(brushed([dimension], { n: { range: [0, 2], at: [null] } }, 4)).toEqual([0, 1]);
});

test("several brushes leave the runs that are within all, and unknown ones count for nothing", () => {
  const dimensions = [numbers(1, 2, 3), categories("a", "b", "a")];
  expect(brushed(dimensions, { n: { range: [2, 3] }, c: { at: ["a"] } }, 3)).toEqual([2]);
  expect(brushed(dimensions, { gone: { at: ["a"] } }, 3)).toEqual([0, 1, 2]);
});

test("categories beside each other are brushed as one span, others as several", () => {
  const axis = axisOf(categories("a", "b", "c"));
  expect(axis.brushBetween(0, 0.6)).toEqual({ at: ["a", "b"] });
  expect(axis.spansOf({ at: ["a", "b"] })).toHaveLength(1);
  expect(axis.spansOf({ at: ["a", "c"] })).toHaveLength(2);
  expect(axis.brushBetween(0.01, 0.02)).toBeNull();
});

test("of a URL, brushes that make no sense are dropped", () => {
  expect(
    brushesFrom({
      a: { range: [1, 2] },
      b: { range: [2, 1] },
      c: { range: "x", at: ["y", null, 3] },
      d: 7,
      e: {},
      f: { at: [] },
    }),
  ).toEqual({ a: { range: [1, 2] }, c: { at: ["y", null] } });
  expect(brushesFrom("x")).toEqual({});
  expect(brushesFrom([1])).toEqual({});
});
