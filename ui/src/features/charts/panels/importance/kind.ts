import type { Kind } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import { axisIn, labelOf, METRIC_KINDS } from "~/features/charts/panels/axes";
import { partsIn, wordIn } from "~/features/charts/panels/settings";

export const ORDERS = ["importance", "correlation", "name"] as const;

/** What a panel of importance shows. */
export interface ImportanceSettings {
  /** The id of the axis, of a metric, that params are to tell. */
  readonly target?: string | undefined;
  readonly order: (typeof ORDERS)[number];
}

/** Which params tell a metric. */
export const importance: Kind<ImportanceSettings> = {
  label: "Importance and correlation",
  parse: (raw) => {
    const { target, order } = partsIn(raw);
    return { target: axisIn(target, METRIC_KINDS), order: wordIn(order, ORDERS) };
  },
  title: ({ target }) => (target === undefined ? "Importance and correlation" : `Params that tell ${labelOf(target)}`),
  needs: () => NEEDS_NOTHING,
  load: () => import("~/features/charts/panels/importance/Panel"),
};
