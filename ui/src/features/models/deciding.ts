import type { Principal } from "~/api/gen/trivet/common/v1/system_service_pb";
import type { PromotionRequest } from "~/api/gen/trivet/registry/v1/promotion_request_pb";

export type Decision = "approve" | "reject" | "withdraw";

/** What somebody may decide about a promotion request. */
export interface Deciding {
  readonly decisions: readonly Decision[];
  /** Why they may not approve it, as a sentence; empty where they may. */
  readonly whyNot: string;
}

type Asked = Pick<PromotionRequest, "createdBy" | "approvals" | "requiredApprovals">;
type Caller = Pick<Principal, "subject" | "authenticated">;

/** What a caller may decide about a request that waits. The server has the last word.
 *
 * @param permissions What the caller may do in the workspace, as `Workspace.permissions` has it.
 */
export function decidingOf(request: Asked, caller: Caller, permissions: readonly string[]): Deciding {
  if (request.createdBy === caller.subject) {
    return {
      decisions: permissions.includes("WRITE") ? ["withdraw"] : [],
      whyNot: caller.authenticated ? "You asked for it, so others have to approve it." : NOBODY_IS_KNOWN,
    };
  }
  if (!permissions.includes("APPROVE")) {
    return { decisions: [], whyNot: "It waits for those who have the permission APPROVE in this workspace." };
  }
  if (!caller.authenticated) return { decisions: ["reject"], whyNot: NOBODY_IS_KNOWN };
  if (request.requiredApprovals === 0) {
    return { decisions: ["reject"], whyNot: "What it would change is frozen, so that no approval is enough." };
  }
  const hasApproved = request.approvals.some(({ approver }) => approver === caller.subject);
  // Where fewer approvals are wanted by now, it is one who has approved that lets it through.
  if (hasApproved && request.approvals.length < request.requiredApprovals) {
    return { decisions: ["reject"], whyNot: "You have approved it, and others have to as well." };
  }
  return { decisions: ["approve", "reject"], whyNot: "" };
}

const NOBODY_IS_KNOWN = "This server asks nobody who they are, so nobody can approve it.";
