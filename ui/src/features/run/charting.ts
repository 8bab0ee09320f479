import type { LineView } from "~/charts/lineLayout";
import type { RunSearch } from "~/features/run/search";

/** How the charts of a run are drawn: what the URL says of it. */
export type Charting = Omit<LineView, "series">;

export const chartingOf = (search: RunSearch): Charting => ({
  axis: search.x ?? "step",
  smoothing: search.smooth ?? 0,
  isLog: search.log === true,
  ignoresOutliers: search.clip === true,
  showsPoints: search.points === true,
  zoom: search.zoom ?? null,
});
