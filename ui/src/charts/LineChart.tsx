import type { KeyboardEvent, PointerEvent } from "react";
import { useCallback, useMemo, useRef, useState } from "react";

import type { Draw } from "~/charts/canvas";
import { useDrawing, useSize } from "~/charts/canvas";
import type { Range } from "~/charts/curve";
import { useInks } from "~/charts/inks";
import styles from "~/charts/LineChart.module.css";
import type { LineView } from "~/charts/lineDrawing";
import { drawLines, drawSeries, layoutOf } from "~/charts/lineDrawing";
import type { Reading } from "~/charts/reading";
import { readingsAt, xText } from "~/charts/reading";

interface Properties {
  /** What it shows: its name for people who do not see it. */
  readonly label: string;
  /** The same object draws nothing anew. */
  readonly view: LineView;
  /** Told which part of the x axis to show; null for all of it. */
  readonly onZoom: (zoom: Range | null) => void;
  /** The line to be seen before the others, by its id; such as that of a row that somebody points at. */
  readonly lit?: string | null;
  /** Told which line somebody points at. */
  readonly onLight?: (id: string | null) => void;
}

/** A drag that is shorter is a click. */
const LEAST_DRAG_PIXELS = 5;
const KEY_STEP_PIXELS = 8;
const MOST_READINGS = 10;

/** Lines over steps or times. A drag zooms in, a double click shows all again; arrow keys read values. */
export function LineChart({ label, view, onZoom, lit = null, onLight }: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const inks = useInks();
  const { series, axis, zoom } = view;
  const layout = useMemo(() => (size === null ? null : layoutOf(view, size)), [view, size]);
  const draw = useCallback<Draw>(
    (surface) => {
      if (layout !== null) drawLines(surface, view, layout, inks);
    },
    [view, layout, inks],
  );
  useDrawing(canvas, size, draw);
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number | null } | null>(null);
  const [dragFrom, setDragFrom] = useState<number | null>(null);
  const readings = useMemo(
    () => (pointer === null || layout === null ? [] : readingsAt(view, layout, layout.x.valueAt(pointer.x), pointer.y)),
    [pointer, layout, view],
  );
  const nearestId = series.length > 1 ? (readings[0]?.series.id ?? null) : null;
  const light = lit ?? nearestId;
  const drawOver = useCallback<Draw>(
    (surface) => {
      const found = view.series.find((each) => each.id === light);
      if (found !== undefined && layout !== null) drawSeries(surface, found, view, layout, 2.5);
    },
    [light, view, layout],
  );
  useDrawing(over, size, drawOver);

  const pixel = (event: PointerEvent<HTMLDivElement>): number => {
    const { left, right } = layout?.plot ?? { left: 0, right: 0 };
    return Math.min(right, Math.max(left, event.clientX - event.currentTarget.getBoundingClientRect().left));
  };
  const move = (event: PointerEvent<HTMLDivElement>): void => {
    setPointer({ x: pixel(event), y: event.clientY - event.currentTarget.getBoundingClientRect().top });
    onLight?.(nearestId);
  };
  const drop = (event: PointerEvent<HTMLDivElement>): void => {
    setDragFrom(null);
    if (dragFrom === null || layout === null) return;
    const to = pixel(event);
    if (Math.abs(to - dragFrom) < LEAST_DRAG_PIXELS) return;
    onZoom([layout.x.valueAt(Math.min(dragFrom, to)), layout.x.valueAt(Math.max(dragFrom, to))]);
  };
  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (layout === null) return;
    const { left, right } = layout.plot;
    const step = event.key === "ArrowLeft" ? -KEY_STEP_PIXELS : event.key === "ArrowRight" ? KEY_STEP_PIXELS : 0;
    if (step !== 0) {
      const next = pointer === null ? (step > 0 ? left : right) : pointer.x + step;
      setPointer({ x: Math.min(right, Math.max(left, next)), y: null });
    } else if (event.key === "Escape" && zoom !== null) onZoom(null);
    else return;
    event.preventDefault();
  };
  const drag =
    dragFrom === null || pointer === null ? null : [Math.min(dragFrom, pointer.x), Math.max(dragFrom, pointer.x)];
  const [from, to] = layout?.x.domain ?? [0, 0];
  return (
    <div
      ref={box}
      className={styles.chart}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={from}
      aria-valuemax={to}
      aria-valuenow={readings[0]?.x ?? from}
      aria-valuetext={readings.length === 0 ? summary(view, from, to) : inWords(readings, axis)}
      onPointerMove={move}
      onPointerLeave={() => {
        setPointer(null);
        onLight?.(null);
      }}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragFrom(pixel(event));
      }}
      onPointerUp={drop}
      onPointerCancel={() => setDragFrom(null)}
      onDoubleClick={() => onZoom(null)}
      onKeyDown={press}
      onBlur={() => setPointer(null)}
    >
      <canvas ref={canvas} className={styles.canvas} aria-hidden />
      <canvas ref={over} className={styles.canvas} aria-hidden />
      {layout !== null && pointer !== null && (
        <>
          <div
            className={styles.cursor}
            style={{
              left: readings[0]?.at.x ?? pointer.x,
              top: layout.plot.top,
              height: layout.plot.bottom - layout.plot.top,
            }}
          />
          {drag?.[0] !== undefined && (
            <div
              className={styles.drag}
              style={{
                left: drag[0],
                width: (drag[1] ?? drag[0]) - drag[0],
                top: layout.plot.top,
                height: layout.plot.bottom - layout.plot.top,
              }}
            />
          )}
          <Tip readings={readings} axis={axis} pointer={pointer} width={size?.width ?? 0} isNamed={series.length > 1} />
        </>
      )}
    </div>
  );
}

interface TipProperties {
  readonly readings: readonly Reading[];
  readonly axis: LineView["axis"];
  readonly pointer: { readonly x: number; readonly y: number | null };
  readonly width: number;
  readonly isNamed: boolean;
}

function Tip({ readings, axis, pointer, width, isNamed }: TipProperties) {
  const [first] = readings;
  if (first === undefined) return null;
  const side = pointer.x > width / 2 ? { right: width - pointer.x + 12 } : { left: pointer.x + 12 };
  const rest = readings.length - MOST_READINGS;
  return (
    <div className={styles.tip} style={{ ...side, top: 12 }}>
      {xText(axis, first.x)}
      <ul>
        {readings.slice(0, MOST_READINGS).map((reading, place) => (
          <li key={reading.series.id} className={`${styles.row} ${place === 0 && isNamed ? styles.nearest : ""}`}>
            <span className={styles.swatch} style={{ background: reading.series.color }} />
            {isNamed && <span className={styles.label}>{reading.series.label}</span>}
            <span>{reading.text}</span>
          </li>
        ))}
      </ul>
      {rest > 0 && <span className={styles.more}>and {rest} more</span>}
    </div>
  );
}

const summary = ({ series, axis }: LineView, from: number, to: number): string =>
  `${series.length === 1 ? "one line" : `${series.length} lines`} from ${xText(axis, from)} to ${xText(axis, to)}`;

const inWords = (readings: readonly Reading[], axis: LineView["axis"]): string =>
  `${xText(axis, readings[0]?.x ?? 0)}: ${readings
    .slice(0, MOST_READINGS)
    .map((each) => `${each.series.label} ${each.text}`)
    .join(", ")}`;
