import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { readTogether } from "~/api/curvesTogether";
import { idOf, runName } from "~/api/names";
import type { Curve, Range, XAxis } from "~/charts/curve";
import type { Comparison } from "~/features/compare/comparison";

/** Which curves of a comparison are drawn. */
export interface WantedCurves {
  readonly workspace: string;
  readonly key: string;
  readonly axis: XAxis;
  readonly zoom: Range | null;
  /** At most so many buckets a run. */
  readonly buckets: number;
}

/** As many as a call takes. */
const RUNS_A_CALL = 100;
/** Of all curves together: a thousand are drawn in a moment, and a few as finely as a screen. */
const BUCKETS = 200_000;
const MOST_BUCKETS = 1000;

/** How finely the curves of so many runs are read. */
export const bucketsOf = (runs: number): number => Math.min(MOST_BUCKETS, Math.ceil(BUCKETS / Math.max(1, runs)));

/** The curves of a metric by the ids of runs, one query for as many runs as a call takes. */
export function curvesQueries({ workspace, key, axis, zoom, buckets }: WantedCurves, ids: readonly string[]) {
  const calls = Array.from({ length: Math.ceil(ids.length / RUNS_A_CALL) }, (_, place) =>
    ids.slice(place * RUNS_A_CALL, (place + 1) * RUNS_A_CALL),
  );
  return calls.map((some) =>
    queryOptions({
      queryKey: ["compared curves", workspace, some, key, axis, zoom, buckets],
      queryFn: async ({ signal }): Promise<ReadonlyMap<string, Curve>> => {
        const runs = some.map((id) => runName(workspace, id));
        const found = await readTogether({ runs, key, context: null, axis, range: zoom, buckets }, signal);
        return new Map(found.map((curve) => [idOf(curve.run), curve]));
      },
      placeholderData: keepPreviousData,
      // As it was read, without a look for what stays the same in so many values.
      structuralSharing: false,
    }),
  );
}

/** The metrics that can be drawn, and which of them is: one that was logged at more than one step tells most. */
export function curveKeys({ metrics }: Comparison, asked: string | undefined) {
  const keys = metrics.map((row) => row.key);
  const first =
    metrics.find((row) => !row.key.startsWith("system/") && row.step.some((step) => step !== null && step > 0)) ??
    metrics[0];
  return { keys, chosen: keys.find((key) => key === asked) ?? first?.key ?? null };
}
