import { useState } from "react";

import type { PromotionRequest } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { idOf } from "~/api/names";
import type { Decision } from "~/features/models/deciding";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { approvalsSoFar, whatIsAsked } from "~/features/models/requestWords";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { notify } from "~/shared/components/toasts";

/** What decisions are called. */
export const WORDS = {
  approve: { title: "Approve a promotion", action: "Approve", done: "Approved" },
  reject: { title: "Reject a promotion", action: "Reject", done: "Rejected" },
  withdraw: { title: "Withdraw a promotion request", action: "Withdraw", done: "Withdrew" },
} as const;

interface Properties {
  readonly workspace: string;
  readonly request: PromotionRequest;
  readonly decision: Decision;
  readonly onClose: () => void;
}

/** Decides about a promotion request. */
export function DecisionDialog({ workspace, request, decision, onClose }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [reason, setReason] = useState("");
  const words = WORDS[decision];
  return (
    <ChangeDialog
      title={words.title}
      action={words.action}
      isDangerous={decision === "reject"}
      isBlocked={decision === "reject" && reason.trim() === ""}
      isOpen
      onClose={onClose}
      onConfirm={async () => {
        await changes[decision](request.name, reason);
        notify(`${words.done}: ${whatIsAsked(request)}`);
      }}
    >
      <p>
        <strong>{idOf(request.model)}</strong>: {whatIsAsked(request)}. Asked for by {request.createdBy}
        {request.reason === "" ? "." : `: “${request.reason}”`}
      </p>
      {decision === "approve" && <p>Approvals until now: {approvalsSoFar(request)}. The last one makes the change.</p>}
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
