import { expect, test } from "vitest";

import { modelsFilter } from "~/features/models/modelsFilter";

test.each([
  ["", ""],
  ["taxi", "name ILIKE '%taxi%'"],
  ["  taxi  eu ", "name ILIKE '%taxi%' AND name ILIKE '%eu%'"],
  ["100%_sure's", String.raw`name ILIKE '%100\%\_sure''s%'`],
  ["team:routes", "tags.team = 'routes'"],
  ["taxi team:it's", "name ILIKE '%taxi%' AND tags.team = 'it''s'"],
  ["a+b:x", "tags.`a+b` = 'x'"],
  ["team:", "tags.team IS NOT NULL"],
  [":x", "name ILIKE '%:x%'"],
])("%j is searched for by %j", (typed, filter) => {
  expect(modelsFilter(typed)).toBe(filter);
});

test.each([
  "name = 'taxi'",
  "tags.team IN ('a', 'b') OR name LIKE 'x%'",
  "not (tags.`a b` is null)",
  "NAME like 'x%'",
  "last_updated_timestamp > 5",
  "tag.\"x\" != 'y'",
])("%j is a filter already", (typed) => {
  expect(modelsFilter(typed)).toBe(typed);
});

test.each(["name", "names = x", "not-mine", "(old)", "tags.team"])("%j is part of a name", (typed) => {
  expect(modelsFilter(typed)).toContain("name ILIKE");
});
