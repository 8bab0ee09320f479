import type { Kind } from "~/features/charts/panel";
import { axisIn, labelOf, needsOf } from "~/features/charts/panels/axes";
import { axesIn, partsIn } from "~/features/charts/panels/settings";

/** What a contour shows: ids of axes. */
export interface ContourSettings {
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly z?: string | undefined;
  /** Those that are axes of powers. */
  readonly logs: readonly string[];
}

/** Heights between runs as lines of one height. */
export const contour: Kind<ContourSettings> = {
  label: "Contour",
  parse: (raw) => {
    const { x, y, z, logs } = partsIn(raw);
    return { x: axisIn(x), y: axisIn(y), z: axisIn(z), logs: axesIn(logs) ?? [] };
  },
  title: ({ x, y, z }) =>
    x === undefined || y === undefined || z === undefined
      ? "Contour"
      : `${labelOf(z)} over ${labelOf(x)} and ${labelOf(y)}`,
  needs: ({ x, y, z }) => needsOf([x, y, z]),
  load: () => import("~/features/charts/panels/contour/Panel"),
};
