import { useQueries } from "@tanstack/react-query";
import { useMemo, useRef } from "react";

import { failureOf } from "~/api/errors";
import { useSize } from "~/charts/canvas";
import chart from "~/charts/Chart.module.css";
import { colorOf } from "~/charts/colors";
import type { LineSeries, Range, XAxis } from "~/charts/curve";
import { wholeRange } from "~/charts/curve";
import { ExportMenu } from "~/charts/ExportMenu";
import { useInks } from "~/charts/inks";
import { LineChart } from "~/charts/LineChart";
import { pictureOfLines } from "~/charts/lineFiles";
import { lineFoot } from "~/charts/lineFoot";
import type { LineView } from "~/charts/lineLayout";
import type { RunEvents } from "~/charts/run";
import type { ComparedRun } from "~/features/compare/comparison";
import { bucketsOf, curvesQueries } from "~/features/compare/curves";
import styles from "~/features/compare/parts/Curves.module.css";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";

interface Properties extends Pick<RunEvents, "hovered" | "onHover"> {
  readonly workspace: string;
  readonly runs: readonly ComparedRun[];
  /** The metric. */
  readonly metric: string;
  readonly axis: XAxis;
  readonly smoothing: number;
  readonly isLog: boolean;
  readonly zoom: Range | null;
  readonly onZoom: (zoom: Range | undefined) => void;
}

/** A metric of the runs that are compared, a line a run. What is zoomed into is read again, more finely. */
export default function Curves(properties: Properties) {
  const { workspace, runs, metric, axis, smoothing, isLog, zoom, onZoom, hovered, onHover } = properties;
  const place = useRef<HTMLDivElement>(null);
  const size = useSize(place);
  const inks = useInks();
  const ids = useMemo(() => runs.map((run) => run.id), [runs]);
  const read = useQueries({
    queries: curvesQueries({ workspace, key: metric, axis, zoom, buckets: bucketsOf(ids.length) }, ids),
    combine: (answers) => ({
      parts: answers.map(({ data }) => data),
      isPending: answers.some((each) => each.isPending),
      isStale: answers.some((each) => each.isPlaceholderData),
      error: answers.find((each) => each.isError)?.error ?? null,
      retry: () => {
        for (const each of answers) if (each.isError) void each.refetch();
      },
    }),
  });
  const { parts, isPending, isStale, error } = read;
  const series = useMemo(
    () =>
      runs.flatMap((run): LineSeries[] => {
        const curve = parts.find((part) => part?.has(run.id) === true)?.get(run.id);
        return curve === undefined ? [] : [{ id: run.id, label: run.name, color: colorOf(run.id), dash: [], curve }];
      }),
    [runs, parts],
  );
  const view = useMemo<LineView>(
    () => ({ series, axis, smoothing, isLog, ignoresOutliers: false, showsPoints: false, zoom }),
    [series, axis, smoothing, isLog, zoom],
  );
  const picture = size === null || series.length === 0 ? null : pictureOfLines(view, size, inks);
  if (error !== null && series.length === 0) return <Problem failure={failureOf(error)} onRetry={read.retry} />;
  if (!isPending && series.length === 0 && zoom === null) {
    return <Empty title={`None of these runs has ${metric}`} />;
  }
  return (
    <div className={chart.chart} data-drawn={!isPending && !isStale}>
      <div ref={place} className={`${styles.place} ${isStale ? styles.stale : ""}`}>
        {isPending && series.length === 0 ? (
          <Skeleton />
        ) : (
          <LineChart
            label={`${metric} of ${series.length === 1 ? "1 run" : `${series.length} runs`}`}
            view={view}
            onZoom={(range) => onZoom(range === null ? undefined : wholeRange(range))}
            lit={hovered}
            onLight={onHover}
          />
        )}
      </div>
      <p className={styles.foot}>
        {error === null ? (isPending ? "reading more lines" : lineFoot(view)) : failureOf(error).message}
      </p>
      {picture !== null && (
        <div className={chart.tools}>
          <ExportMenu name={metric} draw={picture.draw} size={picture.size} ground={inks.ground} />
        </div>
      )}
    </div>
  );
}
