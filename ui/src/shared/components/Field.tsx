import type { ReactNode } from "react";
import { useId } from "react";

import styles from "~/shared/components/Field.module.css";

interface Properties {
  readonly label: string;
  /** What is wrong with what was typed; empty where nothing is. */
  readonly fault?: string;
  /** What to type. */
  readonly hint?: string;
  /** The control, which gets these. */
  readonly children: (ids: {
    readonly id: string;
    readonly "aria-describedby": string;
    readonly "aria-invalid": boolean;
    readonly className: string;
  }) => ReactNode;
}

/** A control of a form with its name, and with what is wrong with it. */
export function Field({ label, fault = "", hint = "", children }: Properties) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={styles.label}>
        {label}
      </label>
      {children({
        id,
        "aria-describedby": `${id}-says`,
        "aria-invalid": fault !== "",
        className: styles.control ?? "",
      })}
      <p id={`${id}-says`} className={fault === "" ? styles.hint : styles.fault}>
        {fault === "" ? hint : fault}
      </p>
    </div>
  );
}
