import type { ReactNode } from "react";

import { CopyButton } from "~/shared/components/CopyButton";
import styles from "~/shared/components/Empty.module.css";

interface Properties {
  readonly title: string;
  /** The next line to paste; there is a button that copies it. */
  readonly paste?: string;
  readonly children?: ReactNode;
}

/** What a page says that has nothing to show: what would be here, and how it gets here. */
export function Empty({ title, paste, children }: Properties) {
  return (
    <div className={styles.empty}>
      <p className={styles.title}>{title}</p>
      {children}
      {paste !== undefined && (
        <div className={styles.paste}>
          <pre>{paste}</pre>
          <CopyButton text={paste} label="Copy these lines" />
        </div>
      )}
    </div>
  );
}
