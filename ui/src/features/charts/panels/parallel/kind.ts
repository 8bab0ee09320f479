import type { Brushes } from "~/charts/brush";
import { brushesFrom } from "~/charts/brush";
import type { Kind } from "~/features/charts/panel";
import { axisIn, needsOf } from "~/features/charts/panels/axes";
import { axesIn, partsIn } from "~/features/charts/panels/settings";

/** What parallel coordinates show: ids of axes. */
export interface ParallelSettings {
  /** From the left; those that tell most where they are undefined. */
  readonly axes?: readonly string[] | undefined;
  readonly brushes: Brushes;
  /** Those that are axes of powers. */
  readonly logs: readonly string[];
  /** What colours stand for; without it, runs have their own. */
  readonly color?: string | undefined;
}

/** Runs as lines over one axis for each param and metric. */
export const parallel: Kind<ParallelSettings> = {
  label: "Parallel coordinates",
  parse: (raw) => {
    const { axes, brushes, logs, color } = partsIn(raw);
    return { axes: axesIn(axes), brushes: brushesFrom(brushes), logs: axesIn(logs) ?? [], color: axisIn(color) };
  },
  title: () => "Parallel coordinates",
  needs: ({ axes, color }) =>
    axes === undefined ? { metrics: "all", params: "all", tags: [] } : needsOf([...axes, color]),
  load: () => import("~/features/charts/panels/parallel/Panel"),
};
