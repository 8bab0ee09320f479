import type { Kind } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import { textsIn } from "~/shared/runs/choice";

/** What lines are brought together as a mean with an area from the smallest to the largest: of runs, or of processes. */
export const BANDS = ["groups", "ranks", "none"] as const;

/** What a panel of lines shows. */
export interface LinesSettings {
  readonly metrics: readonly string[];
  readonly isLog: boolean;
  readonly showsPoints: boolean;
  readonly bands: (typeof BANDS)[number];
}

/** Metrics of runs over steps or times. */
export const lines: Kind<LinesSettings> = {
  label: "Lines",
  parse: (raw) => {
    const { metrics, isLog, showsPoints, bands }: Partial<Record<keyof LinesSettings, unknown>> =
      typeof raw === "object" && raw !== null ? raw : {};
    return {
      metrics: textsIn(metrics) ?? [],
      isLog: isLog === true,
      showsPoints: showsPoints === true,
      bands: BANDS.find((each) => each === bands) ?? "groups",
    };
  },
  title: ({ metrics }) => (metrics.length === 0 ? "Lines" : metrics.join(", ")),
  needs: () => NEEDS_NOTHING,
  load: () => import("~/features/charts/lines/Panel"),
};
