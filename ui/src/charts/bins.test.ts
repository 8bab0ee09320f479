import { expect, test } from "vitest";

import { binsOf } from "~/charts/bins";
import type { Dimension } from "~/charts/dimension";

const numbers = (values: (number | null)[]): Dimension => ({ kind: "number", id: "n", label: "n", values });
const counted = (dimension: Dimension, isLog = false, about: number | null = null) =>
  binsOf(dimension, { isLog, about }).map(({ label, runs }) => [label, runs.length]);

test("numbers are in intervals of one width, the largest in the last", () => {
  const hundred = Array.from({ length: 101 }, (_, place) => place / 10);
  expect(counted(numbers(hundred), false, 5)).toEqual([
    ["0 to 2", 20],
    ["2 to 4", 20],
    ["4 to 6", 20],
    ["6 to 8", 20],
    ["8 to 10", 21],
  ]);
});

test("an interval that nothing is in stays, and each run is in one bin", () => {
  const bins = binsOf(numbers([0.1, 0.2, 9.9]), { isLog: false, about: 5 });
  expect(bins.map(({ runs }) => runs)).toEqual([[0, 1], [], [], [], [2]]);
});

test("on an axis of powers intervals have one factor", () => {
  expect(counted(numbers([0.001, 0.002, 0.05, 0.9, 0, -1]), true, 3)).toEqual([
    ["0.001 to 0.01", 2],
    ["0.01 to 0.1", 1],
    ["0.1 to 1", 1],
    ["≤ 0", 2],
  ]);
});

test("few whole numbers are counted one by one, and categories by themselves", () => {
  expect(counted(numbers([64, 128, 64, 32]))).toEqual([
    ["32", 1],
    ["64", 2],
    ["128", 1],
  ]);
  expect(counted({ kind: "category", id: "c", label: "c", values: ["sgd", "adam", null, "sgd", ""] })).toEqual([
    ["(empty)", 1],
    ["adam", 1],
    ["sgd", 2],
    ["none", 1],
  ]);
});

test("what is no number stands last, and is not lost", () => {
  expect(counted(numbers([0.5, NaN, Infinity, null, -Infinity, NaN]))).toEqual([
    ["0.5", 1],
    ["−∞", 1],
    ["∞", 1],
    ["NaN", 2],
    ["none", 1],
  ]);
});

test.each([
  ["the largest numbers that there are", [-1.7e308, 0.5, 1.7e308]],
  ["the smallest", [5e-324, 1e-323, 0.5e-322]],
])("%s are in bins", (_, values) => {
  const bins = binsOf(numbers(values), { isLog: false, about: null });
  expect(new Set(bins.flatMap(({ runs }) => runs))).toEqual(new Set([0, 1, 2]));
});
