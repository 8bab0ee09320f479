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
    <figure className={styles.snippet} aria-label={label}>
      <pre>{code}</pre>
      <div className={styles.copy}>
        <CopyButton text={code} label={`Copy: ${label}`} />
      </div>
    </figure>
  );
}
