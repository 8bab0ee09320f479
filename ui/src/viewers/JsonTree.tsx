import { ChevronDown, ChevronRight } from "lucide-react";
import { useState } from "react";

import { Button } from "~/shared/components/Button";
import { count } from "~/shared/format/numbers";
import { partsOf } from "~/viewers/json";
import styles from "~/viewers/JsonTree.module.css";

const SHOWN_AT_ONCE = 100;
const OPEN_LEVELS = 2;
/** What has more parts than this is closed at first. */
const OPEN_PARTS = 30;
const LONGEST = 2_000;

interface Properties {
  readonly value: unknown;
  readonly name?: string;
  readonly level?: number;
}

/** A value of JSON, whose parts open and close. */
export function JsonTree({ value, name, level = 0 }: Properties) {
  const parts = partsOf(value);
  const [isOpen, setOpen] = useState(level === 0 || (level < OPEN_LEVELS && (parts?.length ?? 0) <= OPEN_PARTS));
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const label = name === undefined ? null : <span className={styles.name}>{name}: </span>;
  if (parts === null || parts.length === 0) {
    return (
      <div className={styles.leaf}>
        {label}
        <Scalar value={value} />
      </div>
    );
  }
  const isList = Array.isArray(value);
  return (
    <div className={styles.node}>
      <button type="button" className={styles.opener} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
        {label}
        <span className={styles.size}>{isList ? `[${count(parts.length)}]` : `{${count(parts.length)}}`}</span>
      </button>
      {isOpen && (
        <div className={styles.parts}>
          {parts.slice(0, shown).map(([key, part]) => (
            <JsonTree key={key} name={key} value={part} level={level + 1} />
          ))}
          {parts.length > shown && (
            <Button kind="quiet" onClick={() => setShown(shown + SHOWN_AT_ONCE)}>
              Show {count(Math.min(SHOWN_AT_ONCE, parts.length - shown))} more of {count(parts.length)}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

function Scalar({ value }: { readonly value: unknown }) {
  if (typeof value === "string") {
    const text = value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value;
    return <span className={styles.text}>{JSON.stringify(text)}</span>;
  }
  if (typeof value === "number" || typeof value === "bigint")
    return <span className={styles.number}>{String(value)}</span>;
  if (Array.isArray(value)) return <span className={styles.size}>[ ]</span>;
  if (typeof value === "object" && value !== null) return <span className={styles.size}>{"{ }"}</span>;
  return <span className={styles.word}>{String(value)}</span>;
}
