import { useState } from "react";

import { ChangeDialog } from "~/shared/components/ChangeDialog";
import { Field } from "~/shared/components/Field";
import { nameFault } from "~/shared/models/modelNames";

interface Properties {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onCreate: (id: string, description: string) => Promise<void>;
}

/** Asks for the name of a new model. */
export function CreateModelDialog({ isOpen, onClose, onCreate }: Properties) {
  const [id, setId] = useState("");
  const [description, setDescription] = useState("");
  const fault = nameFault(id);
  return (
    <ChangeDialog
      title="Create a model"
      action="Create"
      isBlocked={id === "" || fault !== ""}
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        await onCreate(id, description);
        setId("");
        setDescription("");
      }}
    >
      <Field label="Name" fault={fault} hint="Versions of it are then registered from runs">
        {(control) => <input {...control} autoFocus value={id} onChange={(event) => setId(event.target.value)} />}
      </Field>
      <Field label="Description" hint="Markdown">
        {(control) => (
          <textarea
            {...control}
            rows={3}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
    </ChangeDialog>
  );
}
