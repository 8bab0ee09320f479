import { useState } from "react";

import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf, modelIn } from "~/api/names";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { isProtectedAlias, isProtectedStage, protectedAlias, protectedStage } from "~/features/models/stages";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { notify } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly version: ModelVersion;
  readonly rules: PromotionRules | undefined;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Deletes a version for good. */
export function DeleteVersionDialog({ workspace, version, rules, isOpen, onClose, onDeleted }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [reason, setReason] = useState("");
  const id = `version ${idOf(version.name)} of ${modelIn(version.name)}`;
  const alias = version.aliases.find((each) => isProtectedAlias(rules, each));
  const barred = isProtectedStage(rules, version.stage)
    ? protectedStage(version.stage, rules)
    : alias === undefined
      ? undefined
      : protectedAlias(alias, rules);
  return (
    <ChangeDialog
      title={`Delete ${id}`}
      action="Delete for good"
      isDangerous
      isBlocked={barred !== undefined}
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        await changes.deleteVersion({ name: version.name, etag: version.etag, reason });
        notify(`Deleted ${id}`);
        onDeleted();
      }}
    >
      <p>
        Its files go, and there is no way back. Its number is not used again.
        {version.aliases.length > 0 && ` Its aliases go too: ${version.aliases.join(", ")}.`}
        {" The run that made it stays, and so does the history."}
      </p>
      {barred !== undefined && <p role="alert">{barred}</p>}
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
