import type { ReactNode } from "react";

import styles from "~/viewers/Frame.module.css";

interface Properties {
  /** What is shown: how much of the file, or what is to be known of it. */
  readonly note?: ReactNode;
  /** What can be chosen. */
  readonly controls?: ReactNode;
  readonly children: ReactNode;
}

/** A viewer: a line of what it shows and of what can be chosen, and the file below. */
export function Frame({ note, controls, children }: Properties) {
  return (
    <div className={styles.frame}>
      {(note !== undefined || controls !== undefined) && (
        <div className={styles.bar}>
          <span className={styles.note}>{note}</span>
          {controls}
        </div>
      )}
      {children}
    </div>
  );
}

interface ChoiceProperties<Id extends string> {
  readonly label: string;
  readonly choices: readonly (readonly [id: Id, label: string])[];
  readonly chosen: Id;
  readonly onChoose: (id: Id) => void;
}

/** Ways to show a file, of which one is chosen. */
export function Choice<Id extends string>({ label, choices, chosen, onChoose }: ChoiceProperties<Id>) {
  return (
    <span role="group" aria-label={label} className={styles.choice}>
      {choices.map(([id, text]) => (
        <button key={id} type="button" aria-pressed={id === chosen} onClick={() => onChoose(id)}>
          {text}
        </button>
      ))}
    </span>
  );
}
