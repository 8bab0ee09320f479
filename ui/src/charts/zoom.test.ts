import { expect, test } from "vitest";

import { movedBy, zoomedBy } from "~/charts/zoom";

test("a zoom keeps the place that it is around, and ends where all is in sight", () => {
  expect(zoomedBy([0, 100], 2, 50, [0, 100])).toEqual([25, 75]);
  expect(zoomedBy([0, 100], 2, 0, [0, 100])).toEqual([0, 50]);
  expect(zoomedBy([25, 75], 1 / 2, 60, [0, 100])).toEqual([0, 90]);
  expect(zoomedBy([25, 75], 1 / 2, 50, [0, 100])).toBeNull();
  expect(zoomedBy([25, 75], 1 / 2, 50, null)).toEqual([0, 100]);
});

test("a move is of whole pixels, and stays within the whole", () => {
  expect(movedBy([40, 50], 0.25, [0, 100], 0.1)).toEqual([43, 53]);
  expect(movedBy([40, 50], 99, [0, 95], 0.1)).toEqual([85, 95]);
  expect(movedBy([40, 50], -99, [35.5, 100], 0.1)).toEqual([36, 46]);
  expect(movedBy([-10, 200], 1, [0, 100], 0.1)).toEqual([-10, 200]);
});
