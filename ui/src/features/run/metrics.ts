import { queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { Metric, MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { runName } from "~/api/names";
import { runKey } from "~/features/run/queries";

/** A metric of a run: over all contexts, and of each of them. */
export interface RunMetric {
  readonly key: string;
  /** Over all contexts. */
  readonly whole: Metric;
  /** Of each rank, model and dataset, where it has some; the series without a context among them. */
  readonly contexts: readonly Metric[];
}

const PAGE_SIZE = 1000;
const SYSTEM = "system/";
/** With more lines nobody tells one from the other. */
const MOST_LINES = 16;

/** All metrics of a run, sorted by key. */
export const metricsQuery = (workspace: string, run: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "metrics"],
    queryFn: async ({ signal }): Promise<readonly RunMetric[]> => {
      const found: Metric[] = [];
      let pageToken = "";
      do {
        const page = await tracking.listMetrics(
          { parent: runName(workspace, run), pageSize: PAGE_SIZE, pageToken },
          { signal },
        );
        found.push(...page.metrics);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return grouped(found);
    },
    // They are kept up by the watch; to list thousands again costs.
    staleTime: Infinity,
  });

function grouped(metrics: readonly Metric[]): RunMetric[] {
  const found: { key: string; whole: Metric; contexts: Metric[] }[] = [];
  for (const metric of metrics) {
    if (metric.context === undefined) found.push({ key: metric.key, whole: metric, contexts: [] });
    else found.at(-1)?.contexts.push(metric);
  }
  return found;
}

/** Metrics with newer values; null where one is new, so that all have to be listed. */
export function withNewer(metrics: readonly RunMetric[], newer: readonly Metric[]): RunMetric[] | null {
  const byKey = new Map(newer.map((metric) => [metric.key, metric]));
  const all = metrics.map((metric) => {
    const whole = byKey.get(metric.key);
    byKey.delete(metric.key);
    // Nobody counts points but ListMetrics.
    return whole === undefined ? metric : { ...metric, whole: { ...whole, pointCount: metric.whole.pointCount } };
  });
  return byKey.size === 0 ? all : null;
}

export const isOfSystem = (key: string): boolean => key.startsWith(SYSTEM);

/** The contexts that have a line each; null alone for one line over all of them. */
export function linesOf({ contexts }: RunMetric): readonly (MetricContext | null)[] {
  const found = contexts.flatMap(({ context }) => context ?? []);
  // Models are made at one step each: a line for each would be a point.
  const isOne = found.length < 2 || found.length > MOST_LINES || found.some(({ modelId }) => (modelId ?? "") !== "");
  return isOne ? [null] : found;
}

/** What a context is called: `rank 1`, `test (ab12)`. */
export function contextLabel({ rank, datasetName, datasetDigest, modelId }: MetricContext): string {
  const dataset =
    datasetName === undefined ? "" : `${datasetName}${datasetDigest === undefined ? "" : ` (${datasetDigest})`}`;
  const parts = [rank === undefined ? "" : `rank ${rank}`, dataset, modelId ?? ""].filter((part) => part !== "");
  return parts.length === 0 ? "no context" : parts.join(", ");
}

/** Keys by what stands before their first `/`; keys without one come first, as a group without a name. */
export function byPrefix<Thing extends { readonly key: string }>(
  things: readonly Thing[],
): (readonly [string, readonly Thing[]])[] {
  const groups = new Map<string, Thing[]>();
  for (const thing of things) {
    const end = thing.key.indexOf("/");
    const prefix = end < 0 ? "" : thing.key.slice(0, end);
    const group = groups.get(prefix);
    if (group === undefined) groups.set(prefix, [thing]);
    else group.push(thing);
  }
  return [...groups].toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
}
