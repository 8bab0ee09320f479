import { useState } from "react";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";

interface Properties {
  readonly title: string;
  readonly action: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** The name that there is now; empty for a new thing. */
  readonly name?: string;
  readonly mostCharacters?: number;
  /** Keeps a name. Where that fails, the dialog stays open and says why. */
  readonly onSave: (name: string) => Promise<void>;
}

/** Asks for the name of an experiment, a run or a saved view. */
export function NameDialog(properties: Properties) {
  return (
    <Dialog title={properties.title} isOpen={properties.isOpen} onClose={properties.onClose}>
      <NameForm {...properties} />
    </Dialog>
  );
}

function NameForm({ action, onClose, name = "", mostCharacters = 500, onSave }: Properties) {
  const [typed, setTyped] = useState(name);
  const [isSaving, setSaving] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const save = async (): Promise<void> => {
    setSaving(true);
    try {
      await onSave(typed);
      onClose();
    } catch (error) {
      setFailure(failureOf(error));
      setSaving(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field
        label="Name"
        fault={failure === null ? "" : `${failure.message} ${failure.nextStep}`}
        hint={`Up to ${mostCharacters} characters`}
      >
        {(control) => (
          <input
            {...control}
            required
            maxLength={mostCharacters}
            autoFocus
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" disabled={isSaving || typed.trim() === ""}>
          {action}
        </Button>
      </DialogActions>
    </form>
  );
}
