import { expect, test } from "vitest";

import { colorOf } from "~/charts/colors";

test("a run keeps its colour, and a thousand runs use all", () => {
  const ids = Array.from({ length: 1000 }, (_, place) => place.toString(16).padStart(32, "0"));
  expect(new Set(ids.map(colorOf)).size).toBe(20);
  expect(ids.map(colorOf)).toEqual(ids.map(colorOf));
});
