import type { PointerEvent } from "react";
import { useCallback, useMemo, useRef, useState } from "react";

import { AxisHeads } from "~/charts/AxisHeads";
import type { Axis } from "~/charts/axis";
import { axisOf } from "~/charts/axis";
import type { Brushes } from "~/charts/brush";
import type { Size } from "~/charts/canvas";
import { useDrawing, useSize } from "~/charts/canvas";
import styles from "~/charts/Chart.module.css";
import type { Coloring } from "~/charts/coloring";
import type { Dimension } from "~/charts/dimension";
import { factsOf } from "~/charts/facts";
import { drawLegend } from "~/charts/frame";
import { useInks } from "~/charts/inks";
import {
  drawAxes,
  drawFadedLines,
  drawLine,
  drawLines,
  drawTitles,
  layoutOf,
  LEGEND_WIDTH,
  nearestAxis,
  nearestLine,
  positionAt,
} from "~/charts/parallel";
import type { Layout } from "~/charts/parallel";
import type { RunEvents, RunMark } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";
import { Saving } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";
import { Tip } from "~/charts/Tip";

interface Properties extends RunEvents, SavingProperties {
  readonly runs: readonly RunMark[];
  /** The axes, from the left. */
  readonly dimensions: readonly Dimension[];
  /** The ids of those that are axes of powers. */
  readonly logs: ReadonlySet<string>;
  readonly coloring: Coloring;
  readonly brushes: Brushes;
  /** The runs, by their places, that are within all brushes. */
  readonly shown: readonly number[];
  /** Told while somebody brushes, and at the end, when it is done. */
  readonly onBrushes: (brushes: Brushes, isDone: boolean) => void;
  readonly onOrder: (ids: readonly string[]) => void;
  /** Somebody wants to set an axis up. */
  readonly onAxis: (id: string) => void;
}

/** What somebody does with the pointer that is down. */
interface Drag {
  readonly id: string;
  readonly axis: Axis;
  /** The end that stays, or both ends of what is moved. */
  readonly from: number;
  readonly moved: readonly [number, number] | null;
  readonly startY: number;
  readonly hasMoved: boolean;
}

const NEAR_AXIS = 10;
const NEAR_LINE = 7;
const NEAR_EDGE = 6;
const CLICK = 3;
/** What a pointer that has left the chart still reaches: the places at the ends. */
const BEYOND = 0.05;

/** Runs as lines over one axis for each param and metric. */
export function ParallelCoordinates(properties: Properties) {
  const { runs, dimensions, logs, coloring, brushes, shown, onBrushes, onOrder, onAxis } = properties;
  const { hovered, onHover, onOpen, onPicture } = properties;
  const box = useRef<HTMLDivElement>(null);
  const behind = useRef<HTMLCanvasElement>(null);
  const front = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const inks = useInks();
  // While an axis is dragged, and until its new place comes back.
  const [order, setOrder] = useState<readonly string[] | null>(null);
  const [known, setKnown] = useState(dimensions);
  if (known !== dimensions) {
    setKnown(dimensions);
    setOrder(null);
  }
  const [drag, setDrag] = useState<Drag | null>(null);
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number; readonly isOnAxis: boolean } | null>(
    null,
  );

  const axes = useMemo(() => {
    const inOrder =
      order === null ? dimensions : order.flatMap((id) => dimensions.find((each) => each.id === id) ?? []);
    return inOrder.map((dimension) => axisOf(dimension, { isLog: logs.has(dimension.id), ticks: 6 }));
  }, [dimensions, logs, order]);
  const layout = useMemo(
    () => (size === null ? null : layoutOf(axes.length, size, coloring.legend !== null)),
    [axes.length, size, coloring.legend],
  );
  const all = useMemo(() => runs.map((_, place) => place), [runs]);
  const isBrushed = shown.length < all.length;

  const drawBehind = useCallback(
    (surface: Surface) => {
      if (layout !== null && isBrushed) drawFadedLines(surface, layout, axes, all, inks);
    },
    [layout, isBrushed, axes, all, inks],
  );
  const drawFront = useCallback(
    (surface: Surface) => {
      if (layout !== null) drawLines(surface, layout, axes, shown, coloring.colors, inks);
    },
    [layout, axes, shown, coloring, inks],
  );
  const place = hovered === null ? -1 : runs.findIndex((run) => run.id === hovered);
  const drawAbove = useCallback(
    (surface: Surface, at: Size) => {
      if (layout === null) return;
      if (place >= 0) drawLine(surface, layout, axes, place, coloring.colors[place] ?? inks.text, inks);
      drawAxes(surface, layout, axes, brushes, inks);
      if (coloring.legend !== null) {
        drawLegend(
          surface,
          coloring.legend,
          at.width - LEGEND_WIDTH + 16,
          layout.top + 8,
          (layout.bottom - layout.top) * 0.8,
          inks,
        );
      }
    },
    [layout, axes, place, coloring, brushes, inks],
  );
  useDrawing(behind, size, drawBehind);
  useDrawing(front, size, drawFront);
  useDrawing(above, size, drawAbove);
  const drawAll = useCallback(
    (surface: Surface, at: Size): void => {
      drawBehind(surface);
      drawFront(surface);
      drawAbove(surface, at);
      if (layout !== null) drawTitles(surface, layout, axes, inks);
    },
    [drawBehind, drawFront, drawAbove, layout, axes, inks],
  );

  const axisAt = (x: number, y: number): Axis | null => {
    if (layout === null || y < layout.top - NEAR_AXIS) return null;
    const { place: nearest, distance } = nearestAxis(layout, x);
    return distance <= NEAR_AXIS ? (axes[nearest] ?? null) : null;
  };
  const onPointerDown = (event: PointerEvent<HTMLElement>): void => {
    const { x, y } = within(event);
    const axis = axisAt(x, y);
    if (layout === null || axis === null || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag(dragOn(axis, brushes, layout, y));
    onHover(null);
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>): void => {
    if (layout === null) return;
    const { x, y } = within(event);
    if (drag === null) {
      const isOnAxis = axisAt(x, y) !== null;
      const found = isOnAxis || y < layout.top ? null : nearestLine(layout, axes, shown, x, y, NEAR_LINE);
      setPointer({ x, y, isOnAxis });
      onHover(found === null ? null : (runs[found]?.id ?? null));
      return;
    }
    if (!drag.hasMoved && Math.abs(y - drag.startY) < CLICK) return;
    if (!drag.hasMoved) setDrag({ ...drag, hasMoved: true });
    onBrushes(brushesOf(drag, layout, brushes, y), false);
  };
  const onPointerUp = (event: PointerEvent<HTMLElement>): void => {
    if (drag === null || layout === null) return;
    setDrag(null);
    // A click on an axis takes its brush away.
    onBrushes(drag.hasMoved ? brushesOf(drag, layout, brushes, within(event).y) : without(brushes, drag.id), true);
  };

  const isOnLine = pointer !== null && !pointer.isOnAxis && place >= 0;
  return (
    <div ref={box} className={styles.chart} role="group" aria-label="Parallel coordinates">
      <canvas ref={behind} aria-hidden />
      <canvas
        ref={front}
        role="img"
        aria-label={`Lines of ${shown.length} of ${runs.length} runs over ${axes.length} axes. The table has their values.`}
      />
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions, jsx-a11y/click-events-have-key-events -- keyboards open runs by the links of the table, and brush in the dialog of an axis */}
      <canvas
        ref={above}
        aria-hidden
        className={`${styles.lines} ${pointer?.isOnAxis === true || drag !== null ? styles.brushing : ""} ${isOnLine ? styles.pointing : ""}`}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onPointerLeave={() => {
          setPointer(null);
          onHover(null);
        }}
        onClick={() => isOnLine && hovered !== null && onOpen(hovered)}
      />
      {layout !== null && (
        <AxisHeads
          layout={layout}
          axes={axes}
          brushes={brushes}
          onMoving={setOrder}
          onOrder={onOrder}
          onAxis={onAxis}
        />
      )}
      {size !== null && isOnLine && (
        <Tip
          x={pointer.x}
          y={pointer.y}
          within={size}
          title={runs[place]?.name ?? ""}
          color={coloring.colors[place] ?? inks.strong}
          facts={factsOf(
            axes.map((axis) => axis.dimension),
            place,
          )}
        />
      )}
      {size !== null && (
        <Saving name="parallel coordinates" draw={drawAll} size={size} ground={inks.ground} onPicture={onPicture} />
      )}
    </div>
  );
}

function within(event: PointerEvent<HTMLElement>): { readonly x: number; readonly y: number } {
  const { left, top } = event.currentTarget.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

/** What a pointer that goes down on an axis begins: it moves a brush, one end of it, or makes a new one. */
function dragOn(axis: Axis, brushes: Brushes, layout: Layout, y: number): Drag {
  const { id } = axis.dimension;
  const at = positionAt(layout, y);
  const edge = NEAR_EDGE / (layout.bottom - layout.top);
  const brush = brushes[id];
  const begun = { id, axis, from: at, moved: null, startY: y, hasMoved: false };
  for (const [low, high] of brush === undefined ? [] : axis.spansOf(brush)) {
    if (Math.abs(at - low) < edge) return { ...begun, from: high };
    if (Math.abs(at - high) < edge) return { ...begun, from: low };
    if (at > low && at < high) return { ...begun, moved: [low, high] };
  }
  return begun;
}

function brushesOf(drag: Drag, layout: Layout, brushes: Brushes, y: number): Brushes {
  const at = Math.min(1 + BEYOND, Math.max(-BEYOND, positionAt(layout, y)));
  const [low, high] =
    drag.moved === null
      ? [Math.min(drag.from, at), Math.max(drag.from, at)]
      : [drag.moved[0] + at - drag.from, drag.moved[1] + at - drag.from];
  const brush = drag.axis.brushBetween(low, high);
  return brush === null ? without(brushes, drag.id) : { ...brushes, [drag.id]: brush };
}

function without(brushes: Brushes, id: string): Brushes {
  const { [id]: _, ...others } = brushes;
  return others;
}
