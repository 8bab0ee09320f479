import { RefreshCw } from "lucide-react";

import styles from "~/features/runs/parts/StatusLine.module.css";
import type { Live } from "~/features/runs/live";
import { Button } from "~/shared/components/Button";
import { count } from "~/shared/format/numbers";
import { LiveMark } from "~/shared/runs/LiveMark";

interface Properties {
  /** How many runs pass; null where that is not known yet. */
  readonly total: number | null;
  readonly known: number;
  readonly isNested: boolean;
  /** Whether there are nested runs, which are not counted then. */
  readonly isTree: boolean;
  /** Whether there is anything to nest. */
  readonly hasSwitch: boolean;
  readonly isReading: boolean;
  readonly live: Live;
  readonly onNested: (isNested: boolean) => void;
}

/** Below the table: how many runs there are, and whether they are shown as they are by now. */
export function StatusLine({ total, known, isNested, isTree, hasSwitch, isReading, live, onNested }: Properties) {
  const all = total === null ? "" : `${count(total)} ${isTree ? "top-level " : ""}${total === 1 ? "run" : "runs"}`;
  return (
    <footer className={styles.line}>
      <span role="status">{all}</span>
      {isReading && <span>{known > 0 ? `reading after row ${count(known)}` : "reading"}</span>}
      {hasSwitch && (
        <label className={styles.nested}>
          <input type="checkbox" checked={isNested} onChange={(event) => onNested(event.target.checked)} />
          nested runs below their parents
        </label>
      )}
      {live.waiting > 0 && (
        <Button kind="quiet" icon={<RefreshCw />} className={styles.waiting ?? ""} onClick={live.showWaiting}>
          Show {count(live.waiting)} new {live.waiting === 1 ? "run" : "runs"}
        </Button>
      )}
      <span className={styles.spacer} />
      <LiveMark state={live.state} />
    </footer>
  );
}
