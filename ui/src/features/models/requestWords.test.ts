import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { PromotionRequestSchema } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { approvalsSoFar, versionOf, whatIsAsked } from "~/features/models/requestWords";

const stage = (archivedVersions: bigint[]) =>
  create(PromotionRequestSchema, {
    change: { case: "stageMove", value: { version: 3n, stage: "Live", fromStage: "None", archivedVersions } },
  });
const alias = (version: bigint, fromVersion: bigint) =>
  create(PromotionRequestSchema, { change: { case: "aliasMove", value: { alias: "champion", version, fromVersion } } });

test.each([
  [stage([]), "Version 3 from None to Live", 3n],
  [stage([1n, 2n]), "Version 3 from None to Live, archiving 1, 2", 3n],
  [alias(3n, 0n), "Alias champion at version 3", 3n],
  [alias(3n, 2n), "Alias champion at version 3, now at 2", 3n],
  [alias(0n, 2n), "Alias champion removed, now at 2", 2n],
  [create(PromotionRequestSchema), "Something that this page does not know", undefined],
])("what is asked for is said in words", (asked, words, version) => {
  expect(whatIsAsked(asked)).toBe(words);
  expect(versionOf(asked)).toBe(version);
});

test("approvals are counted", () => {
  expect(approvalsSoFar(create(PromotionRequestSchema, { requiredApprovals: 2, approvals: [{}] }))).toBe("1 of 2");
  expect(approvalsSoFar(create(PromotionRequestSchema))).toBe("frozen");
});
