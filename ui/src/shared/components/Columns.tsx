import type { ReactNode } from "react";

import styles from "~/shared/components/Columns.module.css";

interface Properties {
  readonly children: ReactNode;
  /** What is said of the thing, beside what it has. */
  readonly side: ReactNode;
}

/** The page of a thing: what it has, and at the right what is said of it. */
export function Columns({ children, side }: Properties) {
  return (
    <div className={styles.columns}>
      <div className={styles.main}>{children}</div>
      <aside className={styles.side}>{side}</aside>
    </div>
  );
}
