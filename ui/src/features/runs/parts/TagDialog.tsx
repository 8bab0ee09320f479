import { useState } from "react";

import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";

interface Properties {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onSave: (key: string, value: string) => Promise<void>;
}

/** Asks for a tag. */
export function TagDialog(properties: Properties) {
  return (
    <Dialog title={properties.title} isOpen={properties.isOpen} onClose={properties.onClose}>
      <TagForm {...properties} />
    </Dialog>
  );
}

function TagForm({ onClose, onSave }: Properties) {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void onSave(key.trim(), value).then(onClose);
      }}
    >
      <Field label="Key" hint="Up to 250 characters; a value that is there is replaced">
        {(control) => (
          <input
            {...control}
            required
            maxLength={250}
            autoFocus
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        )}
      </Field>
      <Field label="Value">
        {(control) => <input {...control} value={value} onChange={(event) => setValue(event.target.value)} />}
      </Field>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" disabled={key.trim() === ""}>
          Tag
        </Button>
      </DialogActions>
    </form>
  );
}
