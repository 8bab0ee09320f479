import { contextKey } from "~/api/curvesTogether";
import type { MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";
import type { CurveLine } from "~/features/charts/lines/CurveReader";
import type { Ranks } from "~/features/charts/lines/ranks";

/** What a panel reads of a metric over all contexts. */
export const lineOfMetric = (key: string, runs: readonly string[]): CurveLine => ({
  id: lineId(key, null),
  key,
  context: null,
  runs,
});

/** The lines of the processes of runs: one for each context, with the runs that have it. */
export function linesOfRanks(key: string, ranks: ReadonlyMap<string, Ranks>): CurveLine[] {
  const found = new Map<string, { readonly context: MetricContext; readonly runs: string[] }>();
  for (const [run, ofRun] of ranks) {
    for (const { context } of ofRun.slowest === null ? [] : ofRun.ranks) {
      const id = lineId(key, context);
      const line = found.get(id) ?? { context, runs: [] };
      line.runs.push(run);
      found.set(id, line);
    }
  }
  return [...found].map(([id, { context, runs }]) => ({ id, key, context, runs }));
}

export const lineId = (key: string, context: MetricContext | null): string =>
  JSON.stringify([key, contextKey(context)]);
