import { useRef, useState } from "react";

import type { ShownRun } from "~/features/charts/panel";
import styles from "~/features/charts/parts/Legend.module.css";
import { useIsLit, usePointing } from "~/features/charts/pointing";
import type { ChartsSearch } from "~/features/charts/search";
import { PathLink } from "~/shared/components/PathLink";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { SearchBox } from "~/shared/components/SearchBox";
import { count } from "~/shared/format/numbers";
import { useVirtual } from "~/shared/hooks/useVirtual";
import { runPath } from "~/shared/links";

interface Properties {
  readonly workspace: string;
  readonly runs: readonly ShownRun[];
  /** How many runs pass; null where that is not known yet. */
  readonly total: number | null;
  readonly search: ChartsSearch;
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
}

const ROW_PIXELS = 26;
const BEYOND = 10;
const NONE: readonly string[] = [];

/** The runs of the page: their colours, and whether panels show them. Those in view are there. */
export function Legend({ workspace, runs, total, search, go }: Properties) {
  const [text, setText] = useState("");
  const scroll = useRef<HTMLDivElement>(null);
  const passing = runs.filter((run) => run.displayName.toLowerCase().includes(text.toLowerCase()));
  const virtual = useVirtual({ count: passing.length, scroll, sizeOf: () => ROW_PIXELS, beyond: BEYOND });
  const hidden = search.hidden ?? NONE;
  const toggle = (id: string): void => {
    const next = hidden.includes(id) ? hidden.filter((each) => each !== id) : [...hidden, id];
    go({ hidden: next.length === 0 ? undefined : next });
  };
  return (
    <>
      <div className={styles.head}>
        <SearchBox label="Search runs" text={text} onText={setText} />
        <p className={styles.soft} role="status">
          {total === null || total <= runs.length
            ? `${count(runs.length)} ${runs.length === 1 ? "run" : "runs"}`
            : `newest ${count(runs.length)} of ${count(total)}`}
        </p>
      </div>
      <ScrollRegion label="Runs" className={styles.list} scrollRef={scroll}>
        <ul className={styles.body} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const run = passing[index];
            if (run === undefined) return null;
            return (
              <li key={run.id} className={styles.place} style={{ transform: `translateY(${start}px)` }}>
                <Row
                  workspace={workspace}
                  run={run}
                  isHidden={hidden.includes(run.id)}
                  onToggle={() => toggle(run.id)}
                />
              </li>
            );
          })}
        </ul>
      </ScrollRegion>
    </>
  );
}

interface RowProperties {
  readonly workspace: string;
  readonly run: ShownRun;
  readonly isHidden: boolean;
  readonly onToggle: () => void;
}

function Row({ workspace, run, isHidden, onToggle }: RowProperties) {
  const pointing = usePointing();
  const isLit = useIsLit(run.id);
  return (
    <div
      className={`${styles.row} ${isLit ? styles.lit : ""} ${isHidden ? styles.hidden : ""}`}
      onPointerEnter={() => pointing.light(run.id)}
      onPointerLeave={() => pointing.light(null)}
    >
      <input
        type="checkbox"
        aria-label={`Show ${run.displayName}`}
        checked={!isHidden}
        onChange={onToggle}
        onFocus={() => pointing.light(run.id)}
        onBlur={() => pointing.light(null)}
      />
      <span className={styles.swatch} style={{ background: run.color }} />
      <PathLink path={runPath(workspace, run.id)} className={styles.name} title={run.displayName}>
        {run.displayName}
      </PathLink>
    </div>
  );
}
