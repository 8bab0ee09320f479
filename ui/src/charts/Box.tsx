import { useMemo } from "react";

import type { Axis } from "~/charts/axis";
import { axisOf } from "~/charts/axis";
import type { BoxFigures } from "~/charts/boxes";
import { boxOf } from "~/charts/boxes";
import styles from "~/charts/Chart.module.css";
import type { Coloring } from "~/charts/coloring";
import type { Dimension } from "~/charts/dimension";
import { factsOf } from "~/charts/facts";
import type { Frame } from "~/charts/frame";
import { drawFrame, drawLegend, frameOf, xIn, yIn } from "~/charts/frame";
import { grouped } from "~/charts/groups";
import type { Inks } from "~/charts/inks";
import type { Point, Scene } from "~/charts/PointPlot";
import { drawPoints, PointPlot } from "~/charts/PointPlot";
import type { RunEvents, RunMark } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";
import type { Surface } from "~/charts/surface";

interface Properties extends RunEvents, SavingProperties {
  readonly runs: readonly RunMark[];
  /** What runs are grouped by. */
  readonly x: Dimension;
  /** What is shown of each group. */
  readonly y: Dimension;
  readonly isLogY: boolean;
  readonly coloring: Coloring;
}

const LEGEND_WIDTH = 132;
const WIDEST = 56;
/** Points beside each other are told apart by so much of a box's width. */
const SPREAD = 0.7;
/** Parts of a circle that never repeat: the golden ratio. */
const GOLDEN = 0.618_033_988_75;

/** How a number is spread among the runs of each group. */
export function Box({ runs, x, y, isLogY, coloring, ...events }: Properties) {
  const scene = useMemo(
    () => sceneOf(axisOf(grouped(x)), axisOf(y, { isLog: isLogY, ticks: 6, isNice: true }), coloring),
    [x, y, isLogY, coloring],
  );
  if (y.kind !== "number") {
    return (
      <div className={styles.chart}>
        <p className={styles.note}>{y.label} has no numbers to make boxes of. Choose another y.</p>
      </div>
    );
  }
  return (
    <PointPlot
      {...events}
      label={`Box plot of ${y.label} of ${runs.length} runs by ${x.label}. The table has their values.`}
      name={`${y.label} by ${x.label}`}
      runs={runs}
      scene={scene}
      factsOf={(run) => factsOf([x, y], run)}
    />
  );
}

interface Group {
  readonly at: number;
  readonly box: BoxFigures;
}

function sceneOf(x: Axis, y: Axis, coloring: Coloring): Scene {
  const width = coloring.legend === null ? 0 : LEGEND_WIDTH;
  const groups = groupsOf(x, y);
  const points: Scene["points"] = (size, inks) => {
    const frame = frameOf(size, width);
    const half = boxWidth(frame, x) / 2;
    return Array.from(x.positions, (position, run): Point => {
      return {
        x: xIn(frame, position) + (((run * GOLDEN) % 1) * 2 - 1) * half * SPREAD,
        y: yIn(frame, y.positions[run] ?? 0),
        radius: 3,
        color: coloring.colors[run] ?? inks.strong,
      };
    });
  };
  return {
    points,
    draw: (surface, size, inks) => {
      const frame = frameOf(size, width);
      drawFrame(surface, frame, x, y, inks);
      drawPoints(surface, points(size, inks), inks);
      for (const group of groups) drawBox(surface, frame, x, y, group, inks);
      if (coloring.legend !== null) {
        drawLegend(surface, coloring.legend, frame.right + 20, frame.top + 28, frame.bottom - frame.top - 40, inks);
      }
    },
  };
}

function groupsOf(x: Axis, y: Axis): Group[] {
  const values = new Map<number, number[]>();
  for (const [run, at] of x.positions.entries()) {
    const value = y.dimension.values[run];
    if (typeof value !== "number" || (y.isLog && value <= 0)) continue;
    const group = values.get(at);
    if (group === undefined) values.set(at, [value]);
    else group.push(value);
  }
  return [...values].flatMap(([at, each]) => {
    const box = boxOf(each);
    return box === null ? [] : [{ at, box }];
  });
}

const boxWidth = (frame: Frame, x: Axis): number =>
  Math.min(WIDEST, ((frame.right - frame.left) / Math.max(1, x.ticks.length)) * 0.6);

function drawBox(surface: Surface, frame: Frame, x: Axis, y: Axis, { at, box }: Group, inks: Inks): void {
  const middle = xIn(frame, at);
  const half = boxWidth(frame, x) / 2;
  const height = (value: number): number => yIn(frame, y.positionOf(value));
  const [low, high] = box.quartiles.map(height);
  if (low === undefined || high === undefined) return;
  surface.strokeStyle = inks.text;
  surface.lineWidth = 1;
  surface.strokeRect(middle - half, high, 2 * half, low - high);
  surface.beginPath();
  for (const [end, quartile] of [
    [height(box.whiskers[0]), low],
    [height(box.whiskers[1]), high],
  ] as const) {
    surface.moveTo(middle, quartile);
    surface.lineTo(middle, end);
    surface.moveTo(middle - half / 2, end);
    surface.lineTo(middle + half / 2, end);
  }
  surface.stroke();
  surface.lineWidth = 2.5;
  surface.beginPath();
  surface.moveTo(middle - half, height(box.median));
  surface.lineTo(middle + half, height(box.median));
  surface.stroke();
}
