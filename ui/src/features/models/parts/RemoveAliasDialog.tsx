import { useState } from "react";

import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import { idOf } from "~/api/names";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { notify } from "~/shared/components/toasts";

interface Properties {
  readonly workspace: string;
  readonly model: Model;
  readonly alias: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** Removes an alias. */
export function RemoveAliasDialog({ workspace, model, alias, isOpen, onClose }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [reason, setReason] = useState("");
  return (
    <ChangeDialog
      title={`Remove the alias ${alias}`}
      action="Remove"
      isDangerous
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
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
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
