import { Plus, X } from "lucide-react";

import { Button, IconButton } from "~/shared/components/Button";
import styles from "~/shared/models/TagRows.module.css";

/** A tag that is typed. */
export interface TagRow {
  readonly id: string;
  readonly key: string;
  readonly value: string;
}

interface Properties {
  readonly rows: readonly TagRow[];
  readonly onRows: (rows: readonly TagRow[]) => void;
}

/** Asks for tags of something new. */
export function TagRows({ rows, onRows }: Properties) {
  const change = (row: TagRow): void => onRows(rows.map((each) => (each.id === row.id ? row : each)));
  return (
    <fieldset className={styles.rows}>
      <legend>Tags</legend>
      {rows.map((row) => (
        <div key={row.id} className={styles.row}>
          <input
            aria-label="Key of the tag"
            placeholder="key"
            autoFocus
            value={row.key}
            onChange={(event) => change({ ...row, key: event.target.value })}
          />
          <input
            aria-label="Value of the tag"
            placeholder="value"
            value={row.value}
            onChange={(event) => change({ ...row, value: event.target.value })}
          />
          <IconButton
            label={`Leave out the tag ${row.key}`}
            icon={<X />}
            onClick={() => onRows(rows.filter((each) => each.id !== row.id))}
          />
        </div>
      ))}
      <Button
        kind="quiet"
        icon={<Plus />}
        onClick={() => onRows([...rows, { id: crypto.randomUUID(), key: "", value: "" }])}
      >
        Tag
      </Button>
    </fieldset>
  );
}

/** The tags that rows say; those without a key say none. */
export const tagsIn = (rows: readonly TagRow[]): Record<string, string> =>
  Object.fromEntries(rows.filter((row) => row.key.trim() !== "").map((row) => [row.key.trim(), row.value]));
