import { expect, test } from "vitest";

import type { Bar } from "~/charts/bars";
import { barDomainOf, barLayoutOf } from "~/charts/bars";

const bar = (value: number, range: Bar["range"] = null): Bar => ({ id: "a", name: "a", color: "#000", value, range });

test("bars begin at zero, and their axis ends at a round number past the longest", () => {
  expect(barDomainOf([bar(0.91), bar(0.93)], false, 5)).toEqual([0, 1]);
  expect(barDomainOf([bar(-3), bar(7)], false, 5)).toEqual([-4, 8]);
  expect(barDomainOf([bar(2, [1, 9])], false, 5)).toEqual([0, 10]);
  expect(barDomainOf([bar(NaN), bar(0)], false, 5)).toEqual([0, 1]);
});

test("on an axis of powers they begin at one below the smallest", () => {
  expect(barDomainOf([bar(0.02), bar(5), bar(-1), bar(0)], true, 5)).toEqual([0.01, 5]);
  expect(barDomainOf([bar(0.01), bar(5)], true, 5)).toEqual([0.001, 5]);
  expect(barDomainOf([bar(-1)], true, 5)).toEqual([1, 10]);
});

test("bars have names where there is room for them", () => {
  const few = barLayoutOf([bar(1), bar(2)], false, { width: 400, height: 300 });
  expect([few.hasNames, few.row]).toEqual([true, 26]);
  const thousand = Array.from({ length: 1000 }, (_, place) => bar(place));
  const many = barLayoutOf(thousand, false, { width: 400, height: 300 });
  expect(many.hasNames).toBe(false);
  expect(many.row * 1000).toBeCloseTo(many.plot.bottom - many.plot.top, 9);
});
