import type { Range } from "~/charts/curve";
import type { LineView } from "~/charts/lineDrawing";
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

/** A part of the axis in numbers that URLs can have, at least one unit wide: steps and milliseconds are whole. */
export const wholeRange = ([from, to]: Range): Range => [
  Math.floor(from),
  Math.max(Math.floor(from) + 1, Math.ceil(to)),
];
