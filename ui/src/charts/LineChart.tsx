import type { KeyboardEvent, PointerEvent } from "react";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { Draw } from "~/charts/canvas";
import { useDrawing, useSize } from "~/charts/canvas";
import type { LineSeries, Range } from "~/charts/curve";
import { ownerOf } from "~/charts/curve";
import { useInks } from "~/charts/inks";
import { drawAxes } from "~/charts/lineAxes";
import styles from "~/charts/LineChart.module.css";
import { drawSeries } from "~/charts/lineDrawing";
import { Elsewhere, Upright } from "~/charts/LineCursor";
import { LineLayer } from "~/charts/LineLayer";
import type { Layout, LineView } from "~/charts/lineLayout";
import { layoutAt, layoutOf } from "~/charts/lineLayout";
import { drawEndLabel } from "~/charts/lineMarks";
import { LineTip, MOST_READINGS } from "~/charts/LineTip";
import type { Reading } from "~/charts/reading";
import { readingsAt, readingText, xText } from "~/charts/reading";
import { usePanning, useWheel } from "~/charts/usePanning";
import { zoomedBy } from "~/charts/zoom";

interface Properties {
  /** What it shows: its name for people who do not see it. */
  readonly label: string;
  /** The same object draws nothing anew. */
  readonly view: LineView;
  /** Told which part of the x axis to show; null for all of it. */
  readonly onZoom: (zoom: Range | null) => void;
  /** The whole of the x axis, along which a chart that is zoomed in moves; without it, it does not move. */
  readonly extent?: Range | null;
  /** The owner of the lines to be seen before the others; such as that of a row that somebody points at. */
  readonly lit?: string | null;
  /** Told whose line somebody points at. */
  readonly onLight?: (owner: string | null) => void;
  /** Lines that are drawn above the others for as long as they are lit. */
  readonly above?: readonly LineSeries[];
  /** Where somebody points on the x axis of another chart. */
  readonly cursor?: number | null;
  /** Told where somebody points on the x axis. */
  readonly onCursor?: (x: number | null) => void;
}

/** What a drag does. */
interface Drag {
  readonly kind: "zoom" | "pan";
  readonly from: number;
}

const NONE: readonly LineSeries[] = [];
const LIT_WIDTH = 2.5;
/** A drag that is shorter is a click. */
const LEAST_DRAG_PIXELS = 5;
const KEY_STEP_PIXELS = 8;
const MIDDLE_BUTTON = 1;

/**
 * Lines over steps or times. A drag zooms in, a double click shows all again; with Shift, a drag moves along the axis, as
 * a wheel does that turns sideways. Arrow keys read values, with Shift they move; + and - zoom.
 */
export function LineChart({
  label,
  view,
  onZoom,
  extent = null,
  lit = null,
  onLight,
  above = NONE,
  cursor = null,
  onCursor,
}: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const under = useRef<HTMLCanvasElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const [layer] = useState(() => new LineLayer());
  const size = useSize(box);
  const inks = useInks();
  const { axis, zoom } = view;
  const resting = useMemo(() => (size === null ? null : layoutOf(view, size)), [view, size]);
  const plotWidth = resting === null ? 0 : resting.plot.right - resting.plot.left;
  const { moved, moveBy, rest } = usePanning(zoom, extent, plotWidth, onZoom);
  const layout = useMemo(
    () => (resting === null || moved === null ? resting : layoutAt(resting, axis, moved)),
    [resting, moved, axis],
  );
  const drawUnder = useCallback<Draw>(
    (surface) => {
      if (layout !== null) drawAxes(surface, layout, inks);
    },
    [layout, inks],
  );
  useDrawing(under, size, drawUnder);
  useLayoutEffect(() => {
    if (canvas.current !== null && size !== null && layout !== null)
      layer.paint(canvas.current, { size, view, layout, inks });
  }, [layer, size, view, layout, inks]);
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number | null } | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const readings = useMemo(
    () => (pointer === null || layout === null ? [] : readingsAt(view, layout, layout.x.valueAt(pointer.x), pointer.y)),
    [pointer, layout, view],
  );
  const light = lit ?? nearestOf(view, readings);
  const drawOver = useCallback<Draw>(
    (surface) => {
      if (layout === null) return;
      for (const each of [...view.series.filter((one) => ownerOf(one) === light), ...above]) {
        drawSeries(surface, each, view, layout, LIT_WIDTH);
      }
      for (const each of view.series) drawEndLabel(surface, each, view, layout, inks);
    },
    [light, above, view, layout, inks],
  );
  useDrawing(over, size, drawOver);
  useWheel(box, zoom !== null && extent !== null, moveBy, rest);

  const pixel = (event: PointerEvent<HTMLDivElement>): number => {
    const { left, right } = layout?.plot ?? { left: 0, right: 0 };
    return Math.min(right, Math.max(left, event.clientX - event.currentTarget.getBoundingClientRect().left));
  };
  const pointAt = (next: { readonly x: number; readonly y: number | null } | null): void => {
    setPointer(next);
    if (layout === null || next === null) {
      onCursor?.(null);
      onLight?.(null);
      return;
    }
    const x = layout.x.valueAt(next.x);
    onCursor?.(x);
    if (onLight !== undefined) onLight(nearestOf(view, readingsAt(view, layout, x, next.y)));
  };
  const move = (event: PointerEvent<HTMLDivElement>): void => {
    const x = pixel(event);
    if (drag?.kind === "pan") {
      moveBy(drag.from - x);
      setDrag({ kind: "pan", from: x });
    } else pointAt({ x, y: event.clientY - event.currentTarget.getBoundingClientRect().top });
  };
  const drop = (event: PointerEvent<HTMLDivElement>): void => {
    setDrag(null);
    if (drag === null || layout === null) return;
    const to = pixel(event);
    if (drag.kind === "pan") rest();
    else if (Math.abs(to - drag.from) >= LEAST_DRAG_PIXELS)
      onZoom([layout.x.valueAt(Math.min(drag.from, to)), layout.x.valueAt(Math.max(drag.from, to))]);
  };
  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (layout === null) return;
    const { left, right } = layout.plot;
    const way = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (way !== 0 && event.shiftKey) {
      moveBy((way * (right - left)) / 4);
      rest();
    } else if (way !== 0) {
      const next = pointer === null ? (way > 0 ? left : right) : pointer.x + way * KEY_STEP_PIXELS;
      pointAt({ x: Math.min(right, Math.max(left, next)), y: null });
    } else if (event.key === "+" || event.key === "-") {
      const around = layout.x.valueAt(pointer?.x ?? (left + right) / 2);
      onZoom(zoomedBy(layout.x.domain, event.key === "+" ? 2 : 1 / 2, around, extent));
    } else if (event.key === "Escape" && zoom !== null) onZoom(null);
    else return;
    event.preventDefault();
  };
  const [from, to] = layout?.x.domain ?? [0, 0];
  return (
    <div
      ref={box}
      className={`${styles.chart} ${drag?.kind === "pan" ? styles.panning : ""}`}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={from}
      aria-valuemax={to}
      aria-valuenow={readings[0]?.x ?? from}
      aria-valuetext={
        layout === null || readings.length === 0 ? summary(view, from, to) : inWords(readings, view, layout)
      }
      onPointerMove={move}
      onPointerLeave={() => pointAt(null)}
      onPointerDown={(event) => {
        const isPan = zoom !== null && extent !== null && (event.shiftKey || event.button === MIDDLE_BUTTON);
        if (event.button !== 0 && !isPan) return;
        if (isPan) {
          event.preventDefault();
          // Nobody reads values of what moves.
          pointAt(null);
        }
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ kind: isPan ? "pan" : "zoom", from: pixel(event) });
      }}
      onPointerUp={drop}
      onPointerCancel={() => {
        setDrag(null);
        rest();
      }}
      onDoubleClick={() => onZoom(null)}
      onKeyDown={press}
      onBlur={() => pointAt(null)}
    >
      <canvas ref={under} className={styles.canvas} aria-hidden />
      <canvas ref={canvas} className={styles.canvas} aria-hidden />
      <canvas ref={over} className={styles.canvas} aria-hidden />
      {layout !== null && size !== null && pointer !== null && (
        <>
          <Upright layout={layout} from={readings[0]?.at.x ?? pointer.x} />
          {drag?.kind === "zoom" && (
            <Upright layout={layout} from={Math.min(drag.from, pointer.x)} to={Math.max(drag.from, pointer.x)} />
          )}
          <LineTip readings={readings} view={view} layout={layout} at={pointer.x} width={size.width} />
        </>
      )}
      {layout !== null && size !== null && pointer === null && cursor !== null && cursor >= from && cursor <= to && (
        <Elsewhere cursor={cursor} lit={lit} view={view} layout={layout} width={size.width} />
      )}
    </div>
  );
}

/** Whose line somebody points at, where there are several. */
const nearestOf = ({ series }: LineView, readings: readonly Reading[]): string | null =>
  series.length > 1 && readings[0] !== undefined ? ownerOf(readings[0].series) : null;

const summary = ({ series, axis }: LineView, from: number, to: number): string =>
  `${series.length === 1 ? "one line" : `${series.length} lines`} from ${xText(axis, from)} to ${xText(axis, to)}`;

const inWords = (readings: readonly Reading[], view: LineView, layout: Layout): string =>
  `${xText(view.axis, readings[0]?.x ?? 0)}: ${readings
    .slice(0, MOST_READINGS)
    .map((reading) => `${reading.series.label} ${readingText(reading, view, layout)}`)
    .join(", ")}`;
