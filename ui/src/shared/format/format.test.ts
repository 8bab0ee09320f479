import { expect, test } from "vitest";

import { bytes, count, shortNumber } from "~/shared/format/numbers";
import { ago, duration } from "~/shared/format/times";

test.each([
  [0, "0"],
  [-0.123456, "−0.1235"],
  [1234.5678, "1235"],
  [123456, "123456"],
  [12345678, "1.235e7"],
  [0.00001234567, "1.235e-5"],
  [1e-300, "1e-300"],
  [NaN, "NaN"],
  [-Infinity, "−∞"],
])("%d is shown as %s", (value, shown) => {
  expect(shortNumber(value)).toBe(shown);
});

test("sizes and counts", () => {
  expect([bytes(0), bytes(1023), bytes(1536), bytes(50 * 2 ** 30)]).toEqual(["0 B", "1023 B", "1.5 KiB", "50 GiB"]);
  expect(count(1234567n)).toBe("1,234,567");
});

test("times", () => {
  const now = 1_800_000_000_000;
  expect([ago(now - 90_000, now), ago(now - 400, now), ago(now + 7_200_000, now)]).toEqual([
    "1 min. ago",
    "just now",
    "in 2 hr.",
  ]);
  expect([duration(320), duration(65_000), duration(3_600_000), duration(90_000_000)]).toEqual([
    "320 ms",
    "1 min 5 s",
    "1 h",
    "1 d 1 h",
  ]);
});
