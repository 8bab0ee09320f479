import { Pencil } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import { Button, IconButton } from "~/shared/components/Button";
import styles from "~/shared/components/Description.module.css";
import { Markdown } from "~/shared/components/Markdown";
import { notifyFailure } from "~/shared/components/toasts";

interface Properties {
  readonly text: string;
  /** Keeps a new text. Where that fails, what was typed stays. */
  readonly onSave: (text: string) => Promise<unknown>;
}

/** What somebody wrote about a thing, in markdown, to read and to change. */
export function Description({ text, onSave }: Properties) {
  const [draft, setDraft] = useState<string | null>(null);
  const [isSaving, setSaving] = useState(false);
  if (draft === null) {
    return (
      <section className={styles.shown} aria-label="Description">
        {text === "" ? <span className={styles.none}>No description</span> : <Markdown text={text} />}
        <IconButton label="Edit the description" icon={<Pencil />} onClick={() => setDraft(text)} />
      </section>
    );
  }
  const save = async (): Promise<void> => {
    setSaving(true);
    try {
      await onSave(draft);
      setDraft(null);
    } catch (error) {
      notifyFailure("The description was not saved", failureOf(error));
    } finally {
      setSaving(false);
    }
  };
  return (
    <section className={styles.edited} aria-label="Description">
      <textarea
        aria-label="Description in markdown"
        rows={8}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      {draft !== "" && <Markdown text={draft} />}
      <div className={styles.actions}>
        <Button kind="primary" disabled={isSaving} onClick={() => void save()}>
          Save
        </Button>
        <Button onClick={() => setDraft(null)}>Cancel</Button>
      </div>
    </section>
  );
}
