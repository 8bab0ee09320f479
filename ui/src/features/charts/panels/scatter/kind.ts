import type { Kind } from "~/features/charts/panel";
import { axisIn, labelOf, needsOf } from "~/features/charts/panels/axes";
import { axesIn, partsIn } from "~/features/charts/panels/settings";

/** What a scatter shows: ids of axes. */
export interface ScatterSettings {
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  /** What the areas of points stand for; all are the same without it. */
  readonly size?: string | undefined;
  /** What colours stand for; without it, runs have their own. */
  readonly color?: string | undefined;
  /** Those that are axes of powers. */
  readonly logs: readonly string[];
}

/** One thing of runs against another. */
export const scatter: Kind<ScatterSettings> = {
  label: "Scatter",
  parse: (raw) => {
    const { x, y, size, color, logs } = partsIn(raw);
    return { x: axisIn(x), y: axisIn(y), size: axisIn(size), color: axisIn(color), logs: axesIn(logs) ?? [] };
  },
  title: ({ x, y }) => (x === undefined || y === undefined ? "Scatter" : `${labelOf(y)} against ${labelOf(x)}`),
  needs: ({ x, y, size, color }) => needsOf([x, y, size, color]),
  load: () => import("~/features/charts/panels/scatter/Panel"),
};
