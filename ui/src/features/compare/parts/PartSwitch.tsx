import styles from "~/charts/controls.module.css";
import type { DiffPart } from "~/features/compare/search";
import { DIFF_PARTS } from "~/features/compare/search";

const TITLES: Readonly<Record<DiffPart, string>> = { code: "Code", environment: "Environment", files: "Files" };

interface Properties {
  /** The values of all runs where it is absent. */
  readonly part: DiffPart | undefined;
  readonly onPart: (part: DiffPart | undefined) => void;
}

/** Chooses what is compared. */
export function PartSwitch({ part, onPart }: Properties) {
  return (
    <span role="group" aria-label="What is compared" className={styles.control}>
      {([undefined, ...DIFF_PARTS] as const).map((each) => (
        <button
          key={each ?? "values"}
          type="button"
          className={styles.toggle}
          aria-pressed={each === part}
          onClick={() => onPart(each)}
        >
          {each === undefined ? "Values" : TITLES[each]}
        </button>
      ))}
    </span>
  );
}
