import { useState } from "react";

import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { idOf, modelIn } from "~/api/names";
import { useRegistryChanges } from "~/features/models/queries";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { notify } from "~/shared/components/toasts";
import { ModelNameField } from "~/shared/models/ModelNameField";
import { nameFault } from "~/shared/models/modelNames";

interface Properties {
  readonly workspace: string;
  readonly version: ModelVersion;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onCopied: (copy: { readonly model: string; readonly version: number }) => void;
}

/** Gives a version to another model. */
export function CopyVersionDialog({ workspace, version, isOpen, onClose, onCopied }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [model, setModel] = useState("");
  const from = `version ${idOf(version.name)} of ${modelIn(version.name)}`;
  return (
    <ChangeDialog
      title={`Copy ${from}`}
      action="Copy"
      isBlocked={model === "" || nameFault(model) !== ""}
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        const copy = await changes.copyVersion(version.name, model);
        notify(`Copied ${from} to ${model}`);
        onCopied({ model: modelIn(copy.name), version: Number(idOf(copy.name)) });
      }}
    >
      <p>The copy has the same files and digest, description, tags and signature. It begins in no stage.</p>
      <ModelNameField workspace={workspace} label="To the model" name={model} onName={setModel} />
    </ChangeDialog>
  );
}
