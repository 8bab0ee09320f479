import type { CSSProperties, KeyboardEvent, PointerEvent, ReactNode } from "react";
import { useState } from "react";

import styles from "~/shared/components/SplitPane.module.css";

const NARROWEST = 160;
const WIDEST = 720;
const STEP = 16;

interface Properties {
  /** What the browser keeps the width under. */
  readonly name: string;
  /** What the bar between the panes changes. */
  readonly label: string;
  /** Pixels that the first pane has until somebody changes it. */
  readonly width: number;
  readonly first: ReactNode;
  readonly second: ReactNode;
}

/** Two panes beside each other, and a bar between them that is dragged, or moved by keys. */
export function SplitPane({ name, label, width, first, second }: Properties) {
  const key = `trivet.split.${name}`;
  const [shown, setShown] = useState(() => within(Number(localStorage.getItem(key) ?? width)) || width);
  const change = (to: number): void => {
    setShown(within(to));
    localStorage.setItem(key, String(within(to)));
  };
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    change(event.clientX - (event.currentTarget.parentElement?.getBoundingClientRect().left ?? 0));
  };
  const onKey = (event: KeyboardEvent): void => {
    const to = { ArrowLeft: shown - STEP, ArrowRight: shown + STEP, Home: NARROWEST, End: WIDEST }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    change(to);
  };
  const style: CSSProperties = { gridTemplateColumns: `min(${shown}px, 60%) 5px minmax(0, 1fr)` };
  return (
    <div className={styles.split} style={style}>
      <div className={styles.pane}>{first}</div>
      <div
        role="separator"
        aria-label={label}
        aria-orientation="vertical"
        aria-valuenow={shown}
        aria-valuemin={NARROWEST}
        aria-valuemax={WIDEST}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a separator that moves is a control (ARIA)
        tabIndex={0}
        className={styles.bar}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onKeyDown={onKey}
        onDoubleClick={() => change(width)}
      />
      <div className={styles.pane}>{second}</div>
    </div>
  );
}

const within = (pixels: number): number => Math.round(Math.min(WIDEST, Math.max(NARROWEST, pixels)));
