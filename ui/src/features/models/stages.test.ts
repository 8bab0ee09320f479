import { expect, test } from "vitest";

import { aliasFault, promotedStages } from "~/features/models/stages";

const RULES = { stages: ["None", "Canary", "Live", "Archived"], protectedStages: [], protectedAliases: ["champion"] };

test.each(["latest", "Latest", "v1", "V22", "with space", "a.b", "a".repeat(256), "champion"])(
  "%s is refused",
  (alias) => {
    expect(aliasFault(alias, RULES)).not.toBe("");
  },
);

test.each(["", "challenger", "v1-eu", "latest_eu", "A-1", "Champion"])("%j is an alias, or not yet one", (alias) => {
  expect(aliasFault(alias, RULES)).toBe("");
});

test("versions are promoted to what lies between the first and the last stage", () => {
  expect(promotedStages(RULES)).toEqual(["Canary", "Live"]);
  expect(promotedStages(undefined)).toEqual(["Staging", "Production"]);
});
