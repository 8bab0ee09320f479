import type { Kind } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import { textsIn } from "~/shared/runs/choice";

/** What a panel of lines shows. */
export interface LinesSettings {
  readonly metrics: readonly string[];
  readonly isLog: boolean;
}

/** Metrics of runs over steps or times. */
export const lines: Kind<LinesSettings> = {
  label: "Lines",
  parse: (raw) => {
    const { metrics, isLog }: Partial<Record<keyof LinesSettings, unknown>> =
      typeof raw === "object" && raw !== null ? raw : {};
    return { metrics: textsIn(metrics) ?? [], isLog: isLog === true };
  },
  title: ({ metrics }) => metrics.join(", "),
  needs: () => NEEDS_NOTHING,
  load: () => import("~/features/charts/lines/Panel"),
};
