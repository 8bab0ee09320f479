import { History } from "lucide-react";
import { useEffect } from "react";

import type { Completion } from "~/filter/complete";
import styles from "~/filter/Suggestions.module.css";

interface Properties {
  readonly id: string;
  readonly options: readonly Completion[];
  /** The one that keys moved to; -1 for none. */
  readonly active: number;
  readonly typed: string;
  /** Below which character of the text the list begins. */
  readonly column: number;
  /** How far the text is scrolled, in pixels. */
  readonly scroll: number;
  /** What must stand where the cursor is. */
  readonly next: string;
  readonly onTake: (place: number) => void;
  readonly onPoint: (place: number) => void;
}

/** What the box of a filter could be filled with, below where the cursor is. */
export function Suggestions(properties: Properties) {
  const { id, options, active, typed, column, scroll, next, onTake, onPoint } = properties;
  useEffect(() => {
    document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [id, active]);
  return (
    <div
      role="presentation"
      className={styles.panel}
      style={{ left: `min(calc(28px + ${column}ch - ${scroll}px), calc(100% - 380px))` }}
      // The box keeps the focus.
      onMouseDown={(event) => event.preventDefault()}
    >
      <div id={`${id}-list`} role="listbox" aria-label="Completions" className={styles.list}>
        {options.map(({ label, hint }, place) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the keys are those of the box
          <div
            key={`${hint}:${label}`}
            id={`${id}-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === active}
            className={place === active ? styles.active : ""}
            onMouseMove={() => onPoint(place)}
            onClick={() => onTake(place)}
          >
            {hint === "recent" && <History aria-hidden />}
            <span className={styles.label}>
              <Marked text={label} part={typed} />
            </span>
            <span className={styles.hint}>{hint}</span>
          </div>
        ))}
      </div>
      <p className={styles.foot}>
        <span className={styles.next}>{next}</span>
        <kbd>Tab</kbd> takes <kbd>Enter</kbd> applies <kbd>Esc</kbd> closes
      </p>
    </div>
  );
}

/** A text in which what was typed stands out. */
function Marked({ text, part }: { readonly text: string; readonly part: string }) {
  const place = part === "" ? -1 : text.toLowerCase().indexOf(part.toLowerCase());
  if (place < 0) return text;
  return (
    <>
      {text.slice(0, place)}
      <b>{text.slice(place, place + part.length)}</b>
      {text.slice(place + part.length)}
    </>
  );
}
