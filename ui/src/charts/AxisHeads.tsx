import type { KeyboardEvent, PointerEvent } from "react";
import { useState } from "react";

import type { Axis } from "~/charts/axis";
import type { Brushes } from "~/charts/brush";
import styles from "~/charts/Chart.module.css";
import type { Layout } from "~/charts/parallel";
import { placeFor } from "~/charts/parallel";

interface Properties {
  readonly layout: Layout;
  readonly axes: readonly Axis[];
  readonly brushes: Brushes;
  /** Told the order while an axis is dragged. */
  readonly onMoving: (ids: readonly string[]) => void;
  /** Told the order that is to stay. */
  readonly onOrder: (ids: readonly string[]) => void;
  readonly onAxis: (id: string) => void;
}

interface Drag {
  readonly id: string;
  readonly startX: number;
  readonly x: number;
  readonly hasMoved: boolean;
}

const CLICK = 4;

/** The names of axes. Dragged, or moved by arrow keys, an axis goes elsewhere; a click sets it up. */
export function AxisHeads({ layout, axes, brushes, onMoving, onOrder, onAxis }: Properties) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const ids = axes.map((axis) => axis.dimension.id);
  const begin = (event: PointerEvent<HTMLButtonElement>, id: string, x: number): void => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ id, startX: event.clientX - x, x, hasMoved: false });
  };
  const move = (event: PointerEvent<HTMLButtonElement>): void => {
    if (drag === null) return;
    const x = event.clientX - drag.startX;
    const hasMoved = drag.hasMoved || Math.abs(x - drag.x) >= CLICK;
    if (!hasMoved) return;
    setDrag({ ...drag, x, hasMoved });
    const place = placeFor(layout, x);
    if (ids.indexOf(drag.id) !== place) onMoving(movedTo(ids, drag.id, place));
  };
  const end = (): void => {
    if (drag === null) return;
    if (drag.hasMoved) onOrder(ids);
    // The click that follows opens the axis; a drag is none.
    setDrag(drag.hasMoved ? { ...drag, id: "" } : null);
  };
  const onKey = (event: KeyboardEvent, id: string, place: number): void => {
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (step === 0 || place + step < 0 || place + step >= ids.length) return;
    event.preventDefault();
    onOrder(movedTo(ids, id, place + step));
  };
  return axes.map((axis, place) => {
    const { id, label } = axis.dimension;
    const isDragged = drag?.id === id && drag.hasMoved;
    const x = isDragged ? drag.x : (layout.xs[place] ?? 0);
    return (
      <button
        key={id}
        type="button"
        className={styles.head}
        style={{ left: x, maxWidth: Math.max(56, layout.step - 4) }}
        title={`${label}${axis.isLog ? " (log)" : ""}: click to set up, drag or arrow keys to move`}
        aria-label={`Axis ${label}, ${place + 1} of ${axes.length}${brushes[id] === undefined ? "" : ", brushed"}`}
        aria-keyshortcuts="ArrowLeft ArrowRight"
        data-dragged={isDragged}
        data-brushed={brushes[id] !== undefined}
        onPointerDown={(event) => begin(event, id, layout.xs[place] ?? 0)}
        onPointerMove={move}
        onPointerUp={end}
        onClick={() => {
          if (drag?.hasMoved === true) setDrag(null);
          else onAxis(id);
        }}
        onKeyDown={(event) => onKey(event, id, place)}
      >
        {label}
      </button>
    );
  });
}

function movedTo(ids: readonly string[], id: string, place: number): string[] {
  const others = ids.filter((each) => each !== id);
  return others.toSpliced(place, 0, id);
}
