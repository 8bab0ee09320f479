import type { Ref } from "react";

import type { Failure } from "~/api/errors";
import styles from "~/filter/FilterBar.module.css";
import { SearchBox } from "~/shared/components/SearchBox";

interface Properties {
  /** As the URL has it. */
  readonly text: string;
  readonly onText: (text: string) => void;
  /** What the server says of the text; null where it takes it. */
  readonly failure: Failure | null;
  /** Whose keys are offered. */
  readonly scope: { readonly workspace: string; readonly experiments: readonly string[] };
  readonly boxRef?: Ref<HTMLInputElement>;
}

/** A box for a filter. */
export function FilterBar({ text, onText, failure, boxRef }: Properties) {
  return (
    <div className={styles.bar}>
      <SearchBox
        label="Filter, such as metrics.loss < 0.1"
        text={text}
        onText={onText}
        {...(boxRef === undefined ? {} : { boxRef })}
      />
      {failure !== null && (
        <p role="alert" className={styles.failure}>
          {failure.message}
        </p>
      )}
    </div>
  );
}
