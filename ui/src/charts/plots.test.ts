import { expect, test } from "vitest";

import { boxOf } from "~/charts/boxes";
import { interpolated, levelsOf } from "~/charts/contours";
import type { Dimension } from "~/charts/dimension";
import { grouped } from "~/charts/groups";

const numbers = (values: (number | null)[]): Dimension => ({ kind: "number", id: "n", label: "n", values });

test("a box has the quartiles, and whiskers that leave out what is far away", () => {
  expect(boxOf([1, 2, 3, 4, 5, 100, NaN, Infinity])).toEqual({
    count: 6,
    median: 3.5,
    quartiles: [2.25, 4.75],
    whiskers: [1, 5],
  });
  expect(boxOf([7])).toEqual({ count: 1, median: 7, quartiles: [7, 7], whiskers: [7, 7] });
  expect(boxOf([NaN])).toBeNull();
});

test("heights between points are between theirs, and theirs where they are", () => {
  const grid = interpolated([
    { x: 0, y: 0, z: 1 },
    { x: 1, y: 1, z: 3 },
    { x: 1, y: 0, z: 2 },
  ]);
  expect(grid[0]).toBeCloseTo(1, 6);
  expect(grid.at(-1)).toBeCloseTo(3, 6);
  expect(Math.min(...grid)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...grid)).toBeLessThanOrEqual(3);
});

test("a higher level lies within a lower one", () => {
  const [low, high] = levelsOf(
    [
      { x: 0, y: 0, z: 0 },
      { x: 1, y: 1, z: 1 },
      { x: 0, y: 1, z: 0.5 },
    ],
    [0.2, 0.8],
  );
  const widest = (level: typeof low): number =>
    Math.max(...(level?.rings.flat() ?? []).map(([x]) => x)) - Math.min(...(level?.rings.flat() ?? []).map(([x]) => x));
  expect(widest(low)).toBeGreaterThan(widest(high));
});

test("few values are groups, many numbers become ranges, and rare categories one group", () => {
  expect(grouped(numbers([0.1, 0, null, 0.1])).values).toEqual(["0.1", "0", null, "0.1"]);
  const ranges = grouped(numbers(Array.from({ length: 100 }, (_, place) => place))).values;
  expect(new Set(ranges).size).toBeLessThanOrEqual(12);
  expect(ranges[0]).toBe("0 to 10");
  expect(ranges[10]).toBe("10 to 20");
  const many = Array.from({ length: 40 }, (_, place) => (place < 20 ? "often" : `rare ${place}`));
  const groups = grouped({ kind: "category", id: "c", label: "c", values: many }).values;
  expect(new Set(groups).size).toBe(12);
  expect(groups).toContain("(others)");
});
