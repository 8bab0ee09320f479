import { useMemo } from "react";

import type { Size } from "~/charts/canvas";
import type { Inks } from "~/charts/inks";
import type { MarkScene } from "~/charts/MarkPlot";
import { MarkPlot } from "~/charts/MarkPlot";
import type { Fact, RunEvents, RunMark } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";

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

interface Properties extends RunEvents, SavingProperties {
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
export function PointPlot({ runs, scene, ...others }: Properties) {
  const marks = useMemo(
    (): MarkScene => ({
      draw: scene.draw,
      markAt: (x, y, size, inks) => nearest(scene.points(size, inks), x, y),
      spotOf: (run, size, inks) => scene.points(size, inks)[run] ?? null,
      drawLit: (surface, run, size, inks) => {
        const point = scene.points(size, inks)[run] ?? null;
        if (point !== null) drawRing(surface, point, inks);
      },
    }),
    [scene],
  );
  return <MarkPlot {...others} marked={runs} scene={marks} />;
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
