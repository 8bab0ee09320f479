import { useState } from "react";

import { idOf } from "~/api/names";
import { ReasonField } from "~/features/models/parts/ReasonField";
import { useRegistryChanges } from "~/features/models/queries";
import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { Field } from "~/shared/components/Field";
import { notify } from "~/shared/components/toasts";
import { nameFault } from "~/shared/models/modelNames";

interface Properties {
  readonly workspace: string;
  readonly name: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onRenamed: (id: string) => void;
}

/** Gives a model another name. */
export function RenameModelDialog({ workspace, name, isOpen, onClose, onRenamed }: Properties) {
  const changes = useRegistryChanges(workspace);
  const [id, setId] = useState(idOf(name));
  const [reason, setReason] = useState("");
  const fault = nameFault(id);
  return (
    <ChangeDialog
      title={`Rename ${idOf(name)}`}
      action="Rename"
      isBlocked={id === "" || id === idOf(name) || fault !== ""}
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        await changes.renameModel(name, id, reason);
        notify(`Renamed ${idOf(name)} to ${id}`);
        onRenamed(id);
      }}
    >
      <p>
        Versions, aliases and history follow. Programs that ask for <code>models:/{idOf(name)}/…</code> will find
        nothing.
      </p>
      <Field label="New name" fault={fault}>
        {(control) => <input {...control} autoFocus value={id} onChange={(event) => setId(event.target.value)} />}
      </Field>
      <ReasonField reason={reason} onReason={setReason} />
    </ChangeDialog>
  );
}
