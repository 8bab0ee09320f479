import { queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { Metric, MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";

/** A process that logged a metric of a run. */
export interface Rank {
  readonly rank: number;
  readonly context: MetricContext;
}

/** The processes that logged a metric of a run. */
export interface Ranks {
  readonly ranks: readonly Rank[];
  /** The one that others wait for; null where there are fewer than two. */
  readonly slowest: Rank | null;
}

/** More processes are too many calls; the slowest is always among those that are read. */
export const MOST_RANKS = 64;
const PAGE_SIZE = 1000;
const KEPT_MS = 10_000;

/** What all that was read of the processes of a run begins with. */
export const ranksKey = (run: string): readonly unknown[] => ["charts-ranks", run];

/** The processes that logged a metric of a run. */
export const ranksQuery = (run: string, key: string) =>
  queryOptions({
    queryKey: [...ranksKey(run), key],
    queryFn: async ({ signal }): Promise<Ranks> => {
      const found: Metric[] = [];
      let pageToken = "";
      do {
        const page = await tracking.listMetrics({ parent: run, pageSize: PAGE_SIZE, pageToken }, { signal });
        found.push(...page.metrics.filter((metric) => metric.key === key));
        // They come by key: what is after this one is not wanted.
        const isPast = found.length > 0 && page.metrics.at(-1)?.key !== key;
        pageToken = isPast ? "" : page.nextPageToken;
      } while (pageToken !== "");
      return ranksOf(found);
    },
    staleTime: Infinity,
    gcTime: KEPT_MS,
  });

/** The processes among the contexts of a metric. The slowest is the one at the lowest step, and there the last. */
export function ranksOf(metrics: readonly Metric[]): Ranks {
  const slowestFirst = metrics
    .flatMap(({ context, step, timeMillis }) =>
      context?.rank === undefined ? [] : [{ rank: context.rank, context, step, timeMillis }],
    )
    .toSorted((one, other) => compare(one.step, other.step) || compare(other.timeMillis, one.timeMillis));
  const ranks = slowestFirst
    .slice(0, MOST_RANKS)
    .map(({ rank, context }) => ({ rank, context }))
    .toSorted((one, other) => one.rank - other.rank);
  const [slowest] = slowestFirst;
  return { ranks, slowest: slowest === undefined || ranks.length < 2 ? null : slowest };
}

const compare = (one: bigint, other: bigint): number => (one < other ? -1 : one > other ? 1 : 0);
