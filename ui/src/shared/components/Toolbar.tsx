import type { ReactNode } from "react";

import styles from "~/shared/components/Toolbar.module.css";

/** The one row above a page's content: what it shows, and what can be done with it. */
export function Toolbar({ title, children }: { readonly title: ReactNode; readonly children?: ReactNode }) {
  return (
    <div className={styles.toolbar}>
      <h1 className={styles.title}>{title}</h1>
      {children}
    </div>
  );
}
