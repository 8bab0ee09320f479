import { useState } from "react";

import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { aliasFault, approvalsOfAlias, othersApprove } from "~/features/models/stages";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { Field } from "~/shared/components/Field";
import { notify } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly model: Model;
  readonly rules: PromotionRules | undefined;
  /** The alias to move; empty: a new one. */
  readonly alias: string;
  /** What it shall point at, if that is settled. */
  readonly version: number | null;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Lets an alias point at a version, or asks for it where others have to approve. */
export function AliasDialog({ workspace, model, rules, alias, version, isOpen, onClose }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [name, setName] = useState(alias);
  const [target, setTarget] = useState(version === null ? "" : String(version));
  const [reason, setReason] = useState("");
  const fault = aliasFault(name, rules);
  const pointsAt = model.aliases[name];
  const approvals = approvalsOfAlias(rules, name);
  const verb = pointsAt === undefined ? "Set" : "Move";
  const isThere = pointsAt !== undefined && String(pointsAt) === target;
  return (
    <ChangeDialog
      title={alias === "" ? "Set an alias" : `Move the alias ${alias}`}
      action={approvals > 0 ? "Ask for promotion" : verb}
      isBlocked={name === "" || fault !== "" || !/^[1-9]\d*$/.test(target) || isThere}
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        if (approvals > 0) {
          await changes.askForAlias({ model: idOf(model.name), alias: name, version: BigInt(target), reason });
          notify(`Asked for ${name} at version ${target} of ${idOf(model.name)}`);
          return;
        }
        await changes.setAlias({
          name: model.name,
          alias: name,
          version: BigInt(target),
          etag: model.etag,
          reason,
        });
        notify(`${name} points at version ${target} of ${idOf(model.name)}`);
      }}
    >
      {alias === "" && (
        <Field label="Alias" fault={fault} hint="Such as champion: letters, digits, _ and -">
          {(control) => <input {...control} autoFocus value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
      )}
      <Field label="Version" hint={pointsAtHint(name, pointsAt, target)}>
        {(control) => (
          <input
            {...control}
            type="number"
            min={1}
            autoFocus={alias !== ""}
            value={target}
            onChange={(event) => setTarget(event.target.value)}
          />
        )}
      </Field>
      {approvals > 0 && <p>This is protected: {othersApprove(approvals)}.</p>}
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}

function pointsAtHint(alias: string, pointsAt: bigint | undefined, target: string): string {
  if (pointsAt === undefined) return "The number of the version that it shall point at";
  return String(pointsAt) === target
    ? `${alias} points there already`
    : `${alias} points at version ${pointsAt} now, and will no longer`;
}
