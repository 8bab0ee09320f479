import type { KeyboardEvent, PointerEvent, RefObject } from "react";
import { useState } from "react";

import type { Panel } from "~/features/charts/board";
import { GAP_PIXELS, ROW_PIXELS } from "~/features/charts/parts/grid";
import styles from "~/features/charts/parts/PanelFrame.module.css";
import { sized } from "~/features/charts/search";

interface Properties {
  readonly title: string;
  readonly frame: RefObject<HTMLElement | null>;
  readonly size: Panel["size"];
  /** How many columns the grid has. */
  readonly columns: number;
  /** Told the size while it is pulled. */
  readonly onPull: (size: Panel["size"]) => void;
  /** Told the size that was chosen. */
  readonly onSize: (size: Panel["size"]) => void;
}

/** The corner of a panel that is pulled, or moved by arrow keys. */
export function SizeHandle({ title, frame, size, columns, onPull, onSize }: Properties) {
  const [pulled, setPulled] = useState<Panel["size"] | null>(null);
  const pull = (event: PointerEvent<HTMLButtonElement>): void => {
    const grid = frame.current?.parentElement?.parentElement;
    if (pulled === null || frame.current === null || grid == null) return;
    const { left, top } = frame.current.getBoundingClientRect();
    const cell = (grid.clientWidth + GAP_PIXELS) / columns;
    const wide = Math.min(columns, (event.clientX - left + GAP_PIXELS) / cell);
    const next = sized(wide, (event.clientY - top + GAP_PIXELS) / (ROW_PIXELS + GAP_PIXELS));
    if (next[0] === pulled[0] && next[1] === pulled[1]) return;
    setPulled(next);
    onPull(next);
  };
  const release = (): void => {
    if (pulled !== null) onSize(pulled);
    setPulled(null);
  };
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const [across = 0, down = 0] = by;
    onSize(sized(Math.min(columns, size[0]) + across, size[1] + down));
  };
  return (
    <button
      type="button"
      className={styles.handle}
      aria-label={`Size of ${title}: ${size[0]} by ${size[1]}. Pull it, or use the arrow keys`}
      title="Pull, or use the arrow keys"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setPulled(size);
      }}
      onPointerMove={pull}
      onPointerUp={release}
      onPointerCancel={release}
      onKeyDown={press}
    />
  );
}
