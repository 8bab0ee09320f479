import { useMemo } from "react";

import type { Axis } from "~/charts/axis";
import { axisOf } from "~/charts/axis";
import styles from "~/charts/Chart.module.css";
import type { Coloring } from "~/charts/coloring";
import { coloringBy } from "~/charts/coloring";
import type { Height } from "~/charts/contours";
import { levelsOf } from "~/charts/contours";
import type { Dimension } from "~/charts/dimension";
import { extentOf, pick } from "~/charts/dimension";
import { factsOf } from "~/charts/facts";
import type { Frame } from "~/charts/frame";
import { drawFrame, drawLegend, frameOf, xIn, yIn } from "~/charts/frame";
import type { Scene } from "~/charts/PointPlot";
import { drawPoints, PointPlot } from "~/charts/PointPlot";
import { rampAt } from "~/charts/ramp";
import type { RunEvents, RunMark } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";

interface Properties extends RunEvents, SavingProperties {
  readonly runs: readonly RunMark[];
  readonly x: Dimension;
  readonly y: Dimension;
  readonly z: Dimension;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
}

const FEWEST = 3;
const LEVELS = 12;
const LEGEND_WIDTH = 132;
const FILL = 0.5;

/** Heights between runs as lines of one height, with the runs on them. */
export function Contour({ runs, x, y, z, isLogX, isLogY, ...events }: Properties) {
  const counting = useMemo(
    () => runs.flatMap((_, run) => ([x, y, z].every((each) => isThere(each.values[run])) ? [run] : [])),
    [runs, x, y, z],
  );
  const [ofX, ofY, ofZ] = useMemo(
    () => [pick(x, counting), pick(y, counting), pick(z, counting)] as const,
    [x, y, z, counting],
  );
  const marks = useMemo(() => counting.flatMap((run) => runs[run] ?? []), [runs, counting]);
  const scene = useMemo(
    () =>
      sceneOf(
        axisOf(ofX, { isLog: isLogX, ticks: 8 }),
        axisOf(ofY, { isLog: isLogY, ticks: 6 }),
        ofZ,
        coloringBy(ofZ, false),
      ),
    [ofX, ofY, ofZ, isLogX, isLogY],
  );
  const fault = faultOf(ofX, ofY, ofZ, runs.length);
  if (fault !== "") {
    return (
      <div className={styles.chart}>
        <p className={styles.note}>{fault}</p>
      </div>
    );
  }
  return (
    <PointPlot
      {...events}
      label={`Contour of ${z.label} of ${counting.length} runs over ${x.label} and ${y.label}. The table has their values.`}
      name={`${z.label} over ${x.label} and ${y.label}`}
      runs={marks}
      scene={scene}
      factsOf={(run) => factsOf([ofX, ofY, ofZ], run)}
    />
  );
}

const isThere = (value: number | string | null | undefined): boolean =>
  typeof value === "string" || (typeof value === "number" && Number.isFinite(value));

/** Why there are no lines to draw; empty where there are. */
function faultOf(x: Dimension, y: Dimension, z: Dimension, runs: number): string {
  if (z.kind !== "number") return `${z.label} has no numbers, so there are no lines of one height. Choose another z.`;
  const there = z.values.length;
  if (there < FEWEST) {
    return `Contours need three runs that have x, y and z as numbers; ${there} of ${runs} ${there === 1 ? "has" : "have"} all of them. Add runs, or choose other axes.`;
  }
  for (const each of [x, y, z]) {
    if (new Set<unknown>(each.values).size < 2)
      return `${each.label} is the same in all runs, so there are no lines to draw.`;
  }
  return "";
}

function sceneOf(x: Axis, y: Axis, z: Dimension, coloring: Coloring): Scene {
  const heights = Array.from(x.positions, (position, run): Height => ({
    x: position,
    y: y.positions[run] ?? 0,
    z: Number(z.values[run]),
  }));
  const [low, high] = extentOf(heights.map((height) => height.z)) ?? [0, 1];
  // Halves, because the whole of the largest numbers would be infinite.
  const levels = levelsOf(
    heights,
    Array.from({ length: LEVELS }, (_, level) => low + (level / LEVELS) * 2 * (high / 2 - low / 2)),
  );
  const points: Scene["points"] = (size, inks) => {
    const frame = frameOf(size, LEGEND_WIDTH);
    return heights.map((height, run) => ({
      x: xIn(frame, height.x),
      y: yIn(frame, height.y),
      radius: 4,
      color: coloring.colors[run] ?? inks.strong,
    }));
  };
  return {
    points,
    draw: (surface, size, inks) => {
      const frame = frameOf(size, LEGEND_WIDTH);
      for (const [place, level] of levels.entries()) {
        surface.beginPath();
        for (const ring of level.rings) trace(surface, frame, ring);
        surface.fillStyle = mixed(rampAt((place + 0.5) / LEVELS), inks.ground);
        surface.fill();
        surface.strokeStyle = rampAt((place + 0.5) / LEVELS);
        surface.lineWidth = 1;
        surface.stroke();
      }
      drawFrame(surface, frame, x, y, inks);
      drawPoints(surface, points(size, inks), inks);
      if (coloring.legend !== null) {
        drawLegend(surface, coloring.legend, frame.right + 20, frame.top + 28, frame.bottom - frame.top - 40, inks);
      }
    },
  };
}

const inside = (share: number): number => Math.min(1, Math.max(0, share));

function trace(surface: Surface, frame: Frame, ring: readonly (readonly [number, number])[]): void {
  for (const [place, [x, y]] of ring.entries()) {
    if (place === 0) surface.moveTo(xIn(frame, inside(x)), yIn(frame, inside(y)));
    else surface.lineTo(xIn(frame, inside(x)), yIn(frame, inside(y)));
  }
  surface.closePath();
}

/** A colour weakened by the ground, so that points of the same colour stand out. */
function mixed(color: string, ground: string): string {
  const channels = [1, 3, 5].map((place) => Number.parseInt(color.slice(place, place + 2), 16));
  const below = (ground.match(/\d+/g) ?? []).map(Number);
  const all = channels.map((channel, place) => Math.round(channel * FILL + (below[place] ?? 255) * (1 - FILL)));
  return `rgb(${all.join(" ")})`;
}
