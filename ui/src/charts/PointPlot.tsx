import type { PointerEvent } from "react";
import { useCallback, useRef, useState } from "react";

import type { Size } from "~/charts/canvas";
import { useDrawing, useSize } from "~/charts/canvas";
import styles from "~/charts/Chart.module.css";
import { ExportMenu } from "~/charts/ExportMenu";
import type { Inks } from "~/charts/inks";
import { useInks } from "~/charts/inks";
import type { Fact, RunEvents, RunMark } from "~/charts/run";
import type { Surface } from "~/charts/surface";
import { Tip } from "~/charts/Tip";

/** Where a run is drawn, in pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly color: string;
}

/** A picture with a point for each run. Neither function changes while what is shown does not. */
export interface Scene {
  readonly draw: (surface: Surface, size: Size, inks: Inks) => void;
  /** The points, by the places of the runs; null for runs that have none. */
  readonly points: (size: Size, inks: Inks) => readonly (Point | null)[];
}

interface Properties extends RunEvents {
  /** What it shows: a sentence. */
  readonly label: string;
  /** The name of files that it is saved as. */
  readonly name: string;
  readonly runs: readonly RunMark[];
  readonly scene: Scene;
  readonly factsOf: (run: number) => readonly Fact[];
}

const WITHIN = 10;

/** A chart whose points are runs: they can be pointed at, and opened. */
export function PointPlot({ label, name, runs, scene, factsOf, hovered, onHover, onOpen }: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLCanvasElement>(null);
  const size = useSize(box);
  const inks = useInks();
  const [isPointing, setPointing] = useState(false);
  const draw = useCallback((surface: Surface, at: Size) => scene.draw(surface, at, inks), [scene, inks]);
  useDrawing(canvas, size, draw);
  const place = hovered === null ? -1 : runs.findIndex((run) => run.id === hovered);
  const point = size === null || place < 0 ? null : (scene.points(size, inks)[place] ?? null);
  const drawMark = useCallback(
    (surface: Surface) => {
      if (point !== null) drawRing(surface, point, inks);
    },
    [point, inks],
  );
  useDrawing(marks, size, drawMark);
  const onMove = (event: PointerEvent<HTMLDivElement>): void => {
    if (size === null) return;
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const found = nearest(scene.points(size, inks), event.clientX - left, event.clientY - top);
    setPointing(found !== null);
    onHover(found === null ? null : (runs[found]?.id ?? null));
  };
  return (
    <div
      ref={box}
      className={`${styles.chart} ${isPointing ? styles.pointing : ""}`}
      onPointerMove={onMove}
      onPointerLeave={() => {
        setPointing(false);
        onHover(null);
      }}
    >
      <canvas ref={canvas} role="img" aria-label={label} />
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions, jsx-a11y/click-events-have-key-events -- keyboards open runs by the links of the table below */}
      <canvas ref={marks} aria-hidden onClick={() => isPointing && hovered !== null && onOpen(hovered)} />
      {size !== null && point !== null && isPointing && (
        <Tip
          x={point.x}
          y={point.y}
          within={size}
          title={runs[place]?.name ?? ""}
          color={point.color}
          facts={factsOf(place)}
        />
      )}
      {size !== null && (
        <div className={styles.tools}>
          <ExportMenu name={name} draw={draw} size={size} ground={inks.ground} />
        </div>
      )}
    </div>
  );
}

function drawRing(surface: Surface, point: Point, inks: Inks): void {
  surface.lineWidth = 2;
  surface.strokeStyle = inks.text;
  surface.beginPath();
  surface.arc(point.x, point.y, point.radius + 2, 0, 2 * Math.PI);
  surface.stroke();
}

function nearest(points: readonly (Point | null)[], x: number, y: number): number | null {
  let found: number | null = null;
  let best = WITHIN;
  for (const [place, point] of points.entries()) {
    if (point === null) continue;
    const distance = Math.max(0, Math.hypot(point.x - x, point.y - y) - point.radius);
    if (distance < best) [found, best] = [place, distance];
  }
  return found;
}

/** Draws points: all of one colour at once, the large ones below. */
export function drawPoints(surface: Surface, points: readonly (Point | null)[], inks: Inks): void {
  surface.lineWidth = 1;
  surface.strokeStyle = inks.ground;
  surface.globalAlpha = 0.85;
  const there = points.filter((point) => point !== null).toSorted((one, other) => other.radius - one.radius);
  for (const alike of Map.groupBy(there, (point) => `${point.color} ${point.radius}`).values()) {
    surface.fillStyle = alike[0]?.color ?? inks.strong;
    surface.beginPath();
    for (const { x, y, radius } of alike) {
      surface.moveTo(x + radius, y);
      surface.arc(x, y, radius, 0, 2 * Math.PI);
    }
    surface.fill();
    surface.stroke();
  }
  surface.globalAlpha = 1;
}
