import { useMemo } from "react";

import type { Axis } from "~/charts/axis";
import { axisOf } from "~/charts/axis";
import type { Coloring } from "~/charts/coloring";
import type { Dimension } from "~/charts/dimension";
import { factsOf } from "~/charts/facts";
import { drawFrame, drawLegend, frameOf, xIn, yIn } from "~/charts/frame";
import type { Point, Scene } from "~/charts/PointPlot";
import { drawPoints, PointPlot } from "~/charts/PointPlot";
import type { RunEvents, RunMark } from "~/charts/run";
import type { SavingProperties } from "~/charts/Saving";

interface Properties extends RunEvents, SavingProperties {
  readonly runs: readonly RunMark[];
  readonly x: Dimension;
  readonly y: Dimension;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
  /** What the areas of points stand for. */
  readonly size: Dimension | null;
  readonly coloring: Coloring;
}

const RADIUS = 4;
const SMALLEST = 3;
const LARGEST = 13;
const LEGEND_WIDTH = 132;

/** One thing of runs against another. */
export function Scatter({ runs, x, y, isLogX, isLogY, size, coloring, ...events }: Properties) {
  const scene = useMemo(
    (): Scene =>
      sceneOf(
        axisOf(x, { isLog: isLogX, ticks: 8, isNice: true }),
        axisOf(y, { isLog: isLogY, ticks: 6, isNice: true }),
        size === null ? null : axisOf(size),
        coloring,
      ),
    [x, y, isLogX, isLogY, size, coloring],
  );
  return (
    <PointPlot
      {...events}
      label={`Scatter of ${runs.length} runs: ${y.label} against ${x.label}. The table has their values.`}
      name={`${y.label} against ${x.label}`}
      runs={runs}
      scene={scene}
      factsOf={(run) => factsOf([x, y, size], run)}
    />
  );
}

function sceneOf(x: Axis, y: Axis, area: Axis | null, coloring: Coloring): Scene {
  const width = coloring.legend === null ? 0 : LEGEND_WIDTH;
  const points: Scene["points"] = (size, inks) => {
    const frame = frameOf(size, width);
    return Array.from(x.positions, (position, run): Point => {
      return {
        x: xIn(frame, position),
        y: yIn(frame, y.positions[run] ?? 0),
        // Areas are compared, not radii.
        radius:
          area === null
            ? RADIUS
            : Math.sqrt(SMALLEST ** 2 + (area.positions[run] ?? 0) * (LARGEST ** 2 - SMALLEST ** 2)),
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
      if (coloring.legend !== null) {
        drawLegend(surface, coloring.legend, frame.right + 20, frame.top + 28, frame.bottom - frame.top - 40, inks);
      }
    },
  };
}
