import { expect, test } from "vitest";

import { aliasFault, promotedStages, protectedAlias, protectedStage } from "~/features/models/stages";

const RULES = {
  stages: ["None", "Canary", "Live", "Archived"],
  protectedStages: ["Live"],
  protectedAliases: ["champion", "golden"],
  stageApprovals: { Live: 2 },
  aliasApprovals: { golden: 1 },
};

test.each(["latest", "Latest", "v1", "V22", "with space", "a.b", "a".repeat(256), "champion"])(
  "%s is refused",
  (alias) => {
    expect(aliasFault(alias, RULES)).not.toBe("");
  },
);

test.each(["", "challenger", "v1-eu", "latest_eu", "A-1", "Champion", "golden"])(
  "%j is an alias, or not yet one",
  (alias) => {
    expect(aliasFault(alias, RULES)).toBe("");
  },
);

test("what is protected says who lets it through", () => {
  expect(protectedStage("Live", RULES)).toContain("2 others have to approve it");
  expect(protectedAlias("golden", RULES)).toContain("somebody else has to approve it");
  expect(protectedAlias("champion", RULES)).toContain("ADMIN");
});

test("versions are promoted to what lies between the first and the last stage", () => {
  expect(promotedStages(RULES)).toEqual(["Canary", "Live"]);
  expect(promotedStages(undefined)).toEqual(["Staging", "Production"]);
});
