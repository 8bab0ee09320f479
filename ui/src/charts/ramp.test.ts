import { expect, test } from "vitest";

import { rampAt } from "~/charts/ramp";

const luminance = (color: string): number =>
  [0.2126, 0.7152, 0.0722].reduce((sum, weight, place) => {
    const channel = Number.parseInt(color.slice(1 + 2 * place, 3 + 2 * place), 16) / 255;
    return sum + weight * (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);
  }, 0);
const contrast = (one: string, other: string): number => {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

test("every colour from low to high can be seen on light and dark ground", () => {
  for (let share = 0; share <= 1; share += 0.01) {
    expect(contrast(rampAt(share), "#ffffff"), `${share} on white`).toBeGreaterThanOrEqual(3);
    expect(contrast(rampAt(share), "#14161b"), `${share} on dark`).toBeGreaterThanOrEqual(3);
  }
});

test("what is beyond the ends has the colour of the end", () => {
  expect([rampAt(-1), rampAt(2)]).toEqual([rampAt(0), rampAt(1)]);
});
