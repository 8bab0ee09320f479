import { useState } from "react";

import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { isProtectedAlias, isProtectedStage, protectedAlias, protectedStage } from "~/features/models/stages";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { Field } from "~/shared/components/Field";
import { notify } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly model: Model;
  readonly rules: PromotionRules | undefined;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Deletes a model for good. */
export function DeleteModelDialog({ workspace, model, rules, isOpen, onClose, onDeleted }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const id = idOf(model.name);
  const stage = model.latestVersions.find((each) => isProtectedStage(rules, each.stage))?.stage;
  const alias = Object.keys(model.aliases).find((each) => isProtectedAlias(rules, each));
  const barred =
    stage === undefined
      ? alias === undefined
        ? undefined
        : protectedAlias(alias, rules)
      : protectedStage(stage, rules);
  return (
    <ChangeDialog
      title={`Delete ${id}`}
      action="Delete for good"
      isDangerous
      isBlocked={barred !== undefined || typed !== id}
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        await changes.deleteModel({ name: model.name, etag: model.etag, reason });
        notify(`Deleted ${id}`);
        onDeleted();
      }}
    >
      <p>
        All its versions, their files and its aliases go, and there is no way back. Runs stay. Its history stays too,
        and is found by the model's uid: <code>{model.uid}</code>
      </p>
      {barred !== undefined && <p role="alert">{barred}</p>}
      <Field label="Type the name of the model" hint={id}>
        {(control) => <input {...control} autoFocus value={typed} onChange={(event) => setTyped(event.target.value)} />}
      </Field>
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
