import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf, modelIn } from "~/api/names";
import styles from "~/features/models/parts/MoveDialog.module.css";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { Stage } from "~/features/models/parts/Stage";
import { useRegistryChanges, versionsQuery } from "~/features/models/queries";
import {
  approvalsOfStage,
  canArchiveOthers,
  isProtectedStage,
  othersApprove,
  protectedStage,
} from "~/features/models/stages";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { notify } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly version: ModelVersion;
  readonly rules: PromotionRules | undefined;
  /** Where it shall go; null: the dialog is closed. */
  readonly stage: string | null;
  readonly onClose: () => void;
}

/** Moves a version into another stage, or asks for it where others have to approve, and whether those that are there shall
 * be archived. */
export function MoveDialog({ stage, onClose, version, ...rest }: Properties) {
  return stage === null ? null : <MoveForm key={stage} stage={stage} onClose={onClose} version={version} {...rest} />;
}

function MoveForm({ workspace, version, rules, stage, onClose }: Properties & { readonly stage: string }) {
  const changes = useRegistryChanges(workspace);
  const [reason, setReason] = useState("");
  const [archives, setArchives] = useState(true);
  const model = modelIn(version.name);
  const number = idOf(version.name);
  const there = useInfiniteQuery(versionsQuery(workspace, model, { stage }));
  const others = (there.data?.pages.flatMap((page) => page.modelVersions) ?? [])
    .map((each) => idOf(each.name))
    .filter((each) => each !== number);
  const guarded = [version.stage, stage].filter((each) => isProtectedStage(rules, each));
  const frozen = guarded.find((each) => approvalsOfStage(rules, each) === 0);
  const approvals = Math.max(0, ...guarded.map((each) => approvalsOfStage(rules, each)));
  const asks = approvals > 0 && frozen === undefined;
  const isThere = version.stage === stage;
  const asksToArchive = canArchiveOthers(stage) && others.length > 0;
  return (
    <ChangeDialog
      title={`${asks ? "Ask to move" : "Move"} version ${number} to ${stage}`}
      action={asks ? "Ask for promotion" : "Move"}
      isBlocked={frozen !== undefined || isThere}
      isOpen
      onClose={onClose}
      onConfirm={async () => {
        if (asks) {
          await changes.askForStage({
            model,
            version: BigInt(number),
            stage,
            archiveExistingVersions: asksToArchive && archives,
            reason,
          });
          notify(`Asked for version ${number} of ${model} in ${stage}`);
          return;
        }
        await changes.moveVersion({
          name: version.name,
          stage,
          archiveExistingVersions: asksToArchive && archives,
          etag: version.etag,
          reason,
        });
        notify(`Version ${number} of ${model} is in ${stage}`);
      }}
    >
      <p className={styles.move}>
        <Stage stage={version.stage} rules={rules} /> → <Stage stage={stage} rules={rules} />
      </p>
      {isThere && <p>Version {number} is in this stage already.</p>}
      {frozen !== undefined && <p role="alert">{protectedStage(frozen, rules)}</p>}
      {asks && !isThere && <p>This is protected: {othersApprove(approvals)}.</p>}
      {asksToArchive && (
        <label className={styles.archive}>
          <input type="checkbox" checked={archives} onChange={(event) => setArchives(event.target.checked)} />
          <span>
            Archive {others.length === 1 ? "version" : "versions"} {others.join(", ")}, which{" "}
            {others.length === 1 ? "is" : "are"} in {stage} now
          </span>
        </label>
      )}
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
