import { Plus, X } from "lucide-react";
import type { KeyboardEvent } from "react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import { Button, IconButton } from "~/shared/components/Button";
import { notifyFailure } from "~/shared/components/toasts";
import styles from "~/shared/components/Tags.module.css";

interface Properties {
  readonly tags: Readonly<Record<string, string>>;
  /** Sets one, or takes it away where the value is null. Without this, they are only shown. */
  readonly onChange?: (key: string, value: string | null) => Promise<unknown>;
}

/** Tags, sorted by key; those that systems set (`mlflow.`, `trivet.`) are left out. */
export function Tags({ tags, onChange }: Properties) {
  const shown = Object.entries(tags)
    .filter(([key]) => !isOfSystem(key))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  const change = (key: string, value: string | null): Promise<boolean> =>
    (onChange?.(key, value) ?? Promise.resolve()).then(
      () => true,
      (error: unknown) => {
        notifyFailure("The tag was not changed", failureOf(error));
        return false;
      },
    );
  return (
    <ul className={styles.tags} aria-label="Tags">
      {shown.map(([key, value]) => (
        <li key={key} className={styles.tag} title={`${key}: ${value}`}>
          <span className={styles.key}>{key}</span>
          {value !== "" && <span className={styles.value}>{value}</span>}
          {onChange !== undefined && (
            <IconButton
              label={`Remove the tag ${key}`}
              icon={<X />}
              className={styles.remove ?? ""}
              onClick={() => void change(key, null)}
            />
          )}
        </li>
      ))}
      {onChange !== undefined && <NewTag onAdd={change} />}
    </ul>
  );
}

/** What the tags begin with that say which rules a run broke (docs/rules.md): they are for people. */
export const RULE_PREFIX = "trivet.rule.";

/** Whether a program set the tag for itself. */
export const isOfSystem = (key: string): boolean =>
  key.startsWith("mlflow.") || (key.startsWith("trivet.") && !key.startsWith(RULE_PREFIX));

function NewTag({ onAdd }: { readonly onAdd: (key: string, value: string) => Promise<boolean> }) {
  const [draft, setDraft] = useState<{ readonly key: string; readonly value: string } | null>(null);
  if (draft === null) {
    return (
      <li>
        <Button kind="quiet" icon={<Plus />} onClick={() => setDraft({ key: "", value: "" })}>
          Tag
        </Button>
      </li>
    );
  }
  const add = async (): Promise<void> => {
    if (await onAdd(draft.key.trim(), draft.value)) setDraft(null);
  };
  const closeByEscape = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "Escape") setDraft(null);
  };
  return (
    <li>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <input
          aria-label="Key of the new tag"
          placeholder="key"
          required
          autoFocus
          value={draft.key}
          onChange={(event) => setDraft({ ...draft, key: event.target.value })}
          onKeyDown={closeByEscape}
        />
        <input
          aria-label="Value of the new tag"
          placeholder="value"
          value={draft.value}
          onChange={(event) => setDraft({ ...draft, value: event.target.value })}
          onKeyDown={closeByEscape}
        />
        <Button type="submit" kind="primary">
          Add
        </Button>
        <Button onClick={() => setDraft(null)}>Cancel</Button>
      </form>
    </li>
  );
}
