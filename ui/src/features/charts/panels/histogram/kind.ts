import type { Kind } from "~/features/charts/panel";
import { axisIn, labelOf, needsOf } from "~/features/charts/panels/axes";
import { partsIn } from "~/features/charts/panels/settings";

/** What a histogram shows. */
export interface HistogramSettings {
  /** The id of the axis whose values are counted. */
  readonly of?: string | undefined;
  /** Whether intervals have one factor, not one width. */
  readonly isLog: boolean;
  /** About how many intervals; as many as fit the number of runs where it is null. */
  readonly bins: number | null;
}

export const FEWEST_BINS = 2;
export const MOST_BINS = 100;

/** How many runs have about the same. */
export const histogram: Kind<HistogramSettings> = {
  label: "Histogram",
  parse: (raw) => {
    const { of, isLog, bins } = partsIn(raw);
    const isCount = typeof bins === "number" && bins >= FEWEST_BINS && bins <= MOST_BINS;
    return { of: axisIn(of), isLog: isLog === true, bins: isCount ? Math.round(bins) : null };
  },
  title: ({ of }) => (of === undefined ? "Histogram" : `Histogram of ${labelOf(of)}`),
  needs: ({ of }) => needsOf([of]),
  load: () => import("~/features/charts/panels/histogram/Panel"),
};
