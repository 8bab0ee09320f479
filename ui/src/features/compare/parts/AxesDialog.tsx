import { useState } from "react";

import type { DimensionGroup } from "~/features/compare/dimensions";
import styles from "~/charts/controls.module.css";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";

interface Properties {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly groups: readonly DimensionGroup[];
  /** The axes that there are, in their order. */
  readonly chosen: readonly string[];
  readonly atFirst: readonly string[];
  readonly onChoose: (ids: readonly string[]) => void;
}

/** So many are listed of one kind; to search leads to the others. */
const MOST_LISTED = 300;

/** Chooses the axes of parallel coordinates among all params and metrics. */
export function AxesDialog(properties: Properties) {
  return (
    <Dialog title="Axes" isOpen={properties.isOpen} onClose={properties.onClose}>
      <AxesForm {...properties} />
    </Dialog>
  );
}

function AxesForm({ groups, chosen, atFirst, onChoose, onClose }: Properties) {
  const [draft, setDraft] = useState(chosen);
  const [text, setText] = useState("");
  const found = groups.map((group) => ({
    title: group.title,
    dimensions: group.dimensions.filter((each) => each.label.toLowerCase().includes(text.toLowerCase())),
  }));
  const now = new Set(draft);
  const add = (ids: readonly string[]): void => setDraft([...draft, ...ids.filter((id) => !now.has(id))]);
  const remove = (ids: readonly string[]): void => {
    const gone = new Set(ids);
    setDraft(draft.filter((id) => !gone.has(id)));
  };
  const mainIds = found
    .filter((group) => group.title === "Params" || group.title === "Metrics")
    .flatMap((group) => group.dimensions.map((each) => each.id));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onChoose(draft);
        onClose();
      }}
      className={styles.form}
    >
      <div className={styles.bar}>
        <input
          type="search"
          aria-label="Search axes"
          placeholder="Search axes"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button onClick={() => add(mainIds)}>Select all</Button>
        <Button onClick={() => setDraft([])}>Select none</Button>
        <Button onClick={() => setDraft(atFirst)}>Reset</Button>
      </div>
      <div className={styles.list}>
        {found
          .filter((group) => group.dimensions.length > 0)
          .map((group) => {
            const ids = group.dimensions.map((each) => each.id);
            return (
              <section key={group.title} aria-label={group.title}>
                <h3>
                  <span>{group.title}</span>
                  <Button kind="quiet" aria-label={`All of ${group.title}`} onClick={() => add(ids)}>
                    All
                  </Button>
                  <Button kind="quiet" aria-label={`None of ${group.title}`} onClick={() => remove(ids)}>
                    None
                  </Button>
                </h3>
                {group.dimensions.slice(0, MOST_LISTED).map((each) => (
                  <label key={each.id}>
                    <input
                      type="checkbox"
                      checked={now.has(each.id)}
                      onChange={(event) => (event.target.checked ? add : remove)([each.id])}
                    />
                    <span className={styles.grow}>{each.label}</span>
                  </label>
                ))}
                {group.dimensions.length > MOST_LISTED && (
                  <p className={styles.note}>{group.dimensions.length - MOST_LISTED} more: search for them.</p>
                )}
              </section>
            );
          })}
        {found.every((group) => group.dimensions.length === 0) && (
          <p className={styles.note}>No param or metric holds “{text}”.</p>
        )}
      </div>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary">
          Show {draft.length} {draft.length === 1 ? "axis" : "axes"}
        </Button>
      </DialogActions>
    </form>
  );
}
