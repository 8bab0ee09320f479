import { CopyButton } from "~/shared/components/CopyButton";
import styles from "~/shared/components/Snippet.module.css";

interface Properties {
  /** What it is for: its name, and what its button says. */
  readonly label: string;
  readonly code: string;
}

/** Lines of code to paste elsewhere. */
export function Snippet({ label, code }: Properties) {
  return (
    <div className={styles.snippet}>
      <pre aria-label={label} tabIndex={0} role="region">
        {code}
      </pre>
      <div className={styles.copy}>
        <CopyButton text={code} label={`Copy: ${label}`} />
      </div>
    </div>
  );
}
