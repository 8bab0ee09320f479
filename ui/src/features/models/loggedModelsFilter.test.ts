import { expect, test } from "vitest";

import { loggedModelsFilter } from "~/features/models/loggedModelsFilter";

test.each([
  "",
  "metrics.rmse < 7",
  "not (params.alpha > 0.1)",
  "status = 'READY' AND name LIKE 'x%'",
  "model_type in ('a')",
])("%j is a filter already", (typed) => {
  expect(loggedModelsFilter(typed)).toBe(typed);
});

test.each([
  ["xgb", "name ILIKE '%xgb%'"],
  ["name", "name ILIKE '%name%'"],
  ["it's 5_", String.raw`name ILIKE '%it''s 5\_%'`],
])("%j is part of a name", (typed, filter) => {
  expect(loggedModelsFilter(typed)).toBe(filter);
});
