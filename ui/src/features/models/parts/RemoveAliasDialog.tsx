import { useState } from "react";

import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { approvalsOfAlias, othersApprove } from "~/features/models/stages";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { notify } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly model: Model;
  readonly rules: PromotionRules | undefined;
  readonly alias: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Removes an alias, or asks for it where others have to approve. */
export function RemoveAliasDialog({ workspace, model, rules, alias, isOpen, onClose }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [reason, setReason] = useState("");
  const approvals = approvalsOfAlias(rules, alias);
  return (
    <ChangeDialog
      title={`Remove the alias ${alias}`}
      action={approvals > 0 ? "Ask for promotion" : "Remove"}
      isDangerous
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        if (approvals > 0) {
          await changes.askForAlias({ model: idOf(model.name), alias, version: 0n, reason });
          notify(`Asked to remove the alias ${alias}`);
          return;
        }
        await changes.deleteAlias({ name: model.name, alias, etag: model.etag, reason });
        notify(`Removed the alias ${alias}`);
      }}
    >
      <p>
        Programs that ask for{" "}
        <code>
          models:/{idOf(model.name)}@{alias}
        </code>{" "}
        will find nothing. Version {String(model.aliases[alias] ?? "")} stays as it is.
      </p>
      {approvals > 0 && <p>This is protected: {othersApprove(approvals)}.</p>}
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
