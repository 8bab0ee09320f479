import type { ReactNode } from "react";

import styles from "~/shared/components/Crumbs.module.css";

/** The title of a page that lies below others: links to those, and an element with its own name. */
export function Crumbs({ children }: { readonly children: ReactNode }) {
  return <span className={styles.crumbs}>{children}</span>;
}
