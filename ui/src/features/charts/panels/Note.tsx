import type { ReactNode } from "react";

import styles from "~/features/charts/panels/Note.module.css";

/** Why a panel shows nothing, and what to do about it. */
export function Note({ children }: { readonly children: ReactNode }) {
  return <div className={styles.note}>{children}</div>;
}

interface Properties {
  readonly children: ReactNode;
  /** What is to be known of what is shown; empty for nothing. */
  readonly note: string;
}

/** What a panel shows, with a line below it. */
export function Noted({ children, note }: Properties) {
  return (
    <div className={styles.place}>
      {children}
      {note !== "" && <p className={styles.foot}>{note}</p>}
    </div>
  );
}
