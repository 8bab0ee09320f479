import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { colorOf, colorOfGroup } from "~/charts/colors";
import type { Curve, LineSeries } from "~/charts/curve";
import type { Charting } from "~/features/run/charting";
import { curveQuery } from "~/features/run/curves";
import type { RunMetric } from "~/features/run/metrics";
import { contextLabel, linesOf } from "~/features/run/metrics";

/** What a chart draws, as far as it has been read. */
export interface Drawn {
  readonly series: readonly LineSeries[];
  readonly isPending: boolean;
  /** Whether what is drawn is of before, and newer is on its way. */
  readonly isStale: boolean;
  readonly failure: Failure | null;
  readonly retry: () => void;
}

interface Line {
  readonly key: string;
  readonly context: MetricContext | null;
  readonly label: string;
}

/** The lines of some metrics of a run, one for each context that has one. */
export function useSeries(
  workspace: string,
  run: string,
  metrics: readonly RunMetric[],
  { axis, zoom }: Charting,
  buckets: number,
): Drawn {
  const lines = useMemo(() => metrics.flatMap((metric) => linesIn(metric, metrics.length > 1)), [metrics]);
  const read = useQueries({
    queries: lines.map(({ key, context }) => curveQuery(workspace, run, { key, context, axis, range: zoom, buckets })),
    combine: (results) => ({
      curves: results.map(({ data }) => data),
      isPending: results.some((each) => each.isPending),
      isStale: results.some((each) => each.isPlaceholderData),
      error: results.find((each) => each.isError)?.error ?? null,
      retry: () => {
        for (const each of results) if (each.isError) void each.refetch();
      },
    }),
  });
  const { curves } = read;
  const series = useMemo(
    () => lines.flatMap((line, place) => seriesOf(run, line, curves[place], place, lines.length)),
    [run, lines, curves],
  );
  return {
    series,
    isPending: read.isPending,
    isStale: read.isStale,
    failure: read.error === null ? null : failureOf(read.error),
    retry: read.retry,
  };
}

const linesIn = (metric: RunMetric, isNamed: boolean): Line[] =>
  linesOf(metric).map((context) => ({
    key: metric.key,
    context,
    label: context === null ? metric.key : isNamed ? `${metric.key}, ${contextLabel(context)}` : contextLabel(context),
  }));

/** One line has the run's colour; several have different ones. */
function seriesOf(run: string, line: Line, curve: Curve | undefined, place: number, all: number): LineSeries[] {
  if (curve === undefined) return [];
  return [
    {
      id: `${place} ${line.label}`,
      label: line.label,
      color: all === 1 ? colorOf(run) : colorOfGroup(place),
      dash: [],
      curve,
    },
  ];
}
