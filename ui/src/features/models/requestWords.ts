import type { PromotionRequest } from "~/api/gen/trivet/registry/v1/promotion_request_pb";

type Asked = Pick<PromotionRequest, "change">;

/** The version that a request is about; nothing where there is none. */
export function versionOf({ change }: Asked): bigint | undefined {
  if (change.case === "stageMove") return change.value.version;
  if (change.case === "aliasMove") return change.value.version || change.value.fromVersion || undefined;
  return undefined;
}

/** What is asked for, in a few words. */
export function whatIsAsked({ change }: Asked): string {
  if (change.case === "stageMove") {
    const { version, fromStage, stage, archivedVersions } = change.value;
    const archived = archivedVersions.length === 0 ? "" : `, archiving ${archivedVersions.join(", ")}`;
    return `Version ${version} from ${fromStage} to ${stage}${archived}`;
  }
  if (change.case === "aliasMove") {
    const { alias, version, fromVersion } = change.value;
    const from = fromVersion === 0n ? "" : `, now at ${fromVersion}`;
    return version === 0n ? `Alias ${alias} removed${from}` : `Alias ${alias} at version ${version}${from}`;
  }
  return "Something that this page does not know";
}

/** How far it is, such as `1 of 2`. */
export const approvalsSoFar = (request: Pick<PromotionRequest, "approvals" | "requiredApprovals">): string =>
  request.requiredApprovals === 0 ? "frozen" : `${request.approvals.length} of ${request.requiredApprovals}`;
