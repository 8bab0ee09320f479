import { expect, test } from "vitest";

import { fromLocalInput, toLocalInput } from "~/shared/format/localTime";

test("what is shown means the same second", () => {
  const time = Date.UTC(2026, 2, 4, 5, 6, 7, 8);
  expect(fromLocalInput(toLocalInput(time))).toBe(Date.UTC(2026, 2, 4, 5, 6, 7, 999));
});

test("an input without a time has none", () => {
  expect(fromLocalInput("")).toBeNull();
  expect(fromLocalInput("1960-01-01T00:00")).toBeNull();
});
