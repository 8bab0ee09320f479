import { ChevronDown, ChevronRight, Focus } from "lucide-react";
import { useEffect, useRef } from "react";

import type { ShownRun } from "~/features/charts/panel";
import styles from "~/features/charts/parts/Legend.module.css";
import { useIsLit, usePointing } from "~/features/charts/pointing";
import { IconButton } from "~/shared/components/Button";
import { PathLink } from "~/shared/components/PathLink";
import { count } from "~/shared/format/numbers";
import { runPath } from "~/shared/links";

interface RunProperties {
  readonly workspace: string;
  readonly run: ShownRun;
  readonly isShown: boolean;
  readonly onTurn: () => void;
  /** Shows this run alone. */
  readonly onOnly: () => void;
  readonly onColor: () => void;
}

/** A run: whether it is shown, its colour, and its name. Panels light it while somebody points at it. */
export function RunRow({ workspace, run, isShown, onTurn, onOnly, onColor }: RunProperties) {
  const { lit } = usePointing();
  const isLit = useIsLit(run.id);
  const isMember = run.group !== null;
  return (
    <div
      className={`${styles.row} ${isLit ? styles.lit : ""} ${isShown ? "" : styles.hidden} ${isMember ? styles.member : ""}`}
      data-run={run.id}
      onPointerEnter={() => lit.put(run.id)}
      onPointerLeave={() => lit.put(null)}
      onFocus={() => lit.put(run.id)}
      onBlur={() => lit.put(null)}
    >
      <input type="checkbox" aria-label={`Show ${run.displayName}`} checked={isShown} onChange={onTurn} />
      {isMember ? (
        <Swatch run={run} />
      ) : (
        <button
          type="button"
          className={styles.color}
          aria-label={`Colour of ${run.displayName}`}
          title="Choose the colour"
          onClick={onColor}
        >
          <Swatch run={run} />
        </button>
      )}
      <PathLink path={runPath(workspace, run.id)} className={styles.name} title={run.displayName}>
        {run.displayName}
      </PathLink>
      {run.isRunning && <span className={styles.running} role="img" aria-label="running" title="running" />}
      <IconButton label={`Only ${run.displayName}`} icon={<Focus />} className={styles.only ?? ""} onClick={onOnly} />
    </div>
  );
}

/** As its lines are: also where several runs share a colour. */
function Swatch({ run }: { readonly run: ShownRun }) {
  return (
    <svg className={styles.swatch} viewBox="0 0 18 10" aria-hidden>
      <line x1={0} y1={5} x2={18} y2={5} stroke={run.color} strokeWidth={4} strokeDasharray={run.dash.join(" ")} />
    </svg>
  );
}

interface GroupProperties {
  readonly group: string;
  readonly runs: readonly ShownRun[];
  /** How many of them are shown. */
  readonly shown: number;
  readonly isOpen: boolean;
  readonly onOpen: () => void;
  readonly onShow: (isOn: boolean) => void;
}

/** A group of runs. Panels light its line where one of its runs is lit. */
export function GroupRow({ group, runs, shown, isOpen, onOpen, onShow }: GroupProperties) {
  const box = useRef<HTMLInputElement>(null);
  const isPartly = shown > 0 && shown < runs.length;
  useEffect(() => {
    // HTML has no attribute for it.
    if (box.current !== null) box.current.indeterminate = isPartly;
  }, [isPartly]);
  const { lit } = usePointing();
  const first = runs[0];
  return (
    <div
      className={styles.row}
      onPointerEnter={() => lit.put(first?.id ?? null)}
      onPointerLeave={() => lit.put(null)}
      onFocus={() => lit.put(first?.id ?? null)}
      onBlur={() => lit.put(null)}
    >
      <input
        ref={box}
        type="checkbox"
        aria-label={`Show the group ${group}`}
        checked={shown > 0}
        onChange={(event) => onShow(event.target.checked)}
      />
      {first !== undefined && <Swatch run={first} />}
      <button type="button" className={styles.group} aria-expanded={isOpen} title={group} onClick={onOpen}>
        <span className={styles.name}>{group}</span>
        <span className={styles.soft}>{count(runs.length)}</span>
        {isOpen ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
      </button>
    </div>
  );
}
