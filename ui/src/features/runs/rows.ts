import type { Metric } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { LifecycleState } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import type { Run, RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import type { RunChange } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { RunChangeKind } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import type { MetricPart } from "~/features/runs/columns";

/** The current, the smallest and the largest value of a metric. */
export type MetricValues = Readonly<Record<MetricPart, number>>;

/** A dataset that a run used. */
export interface UsedDataset {
  readonly name: string;
  readonly digest: string;
  readonly context: string;
}

/** A run as the table has it. Times are milliseconds since the Unix epoch; what was not asked for is empty. */
export interface RunRow {
  readonly id: string;
  /** `workspaces/W/runs/R`. */
  readonly name: string;
  readonly experiment: string;
  readonly displayName: string;
  readonly status: RunStatus;
  readonly isStale: boolean;
  readonly isDeleted: boolean;
  readonly start: number | null;
  readonly end: number | null;
  readonly written: number | null;
  /** The id of the run in which it is nested; empty for none. */
  readonly parent: string;
  readonly user: string;
  readonly source: string;
  readonly commit: string;
  readonly createdBy: string;
  readonly datasets: readonly UsedDataset[];
  /** The ids of the logged models that it made. */
  readonly models: readonly string[];
  readonly metrics: ReadonlyMap<string, MetricValues>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** The row of a run. */
export function toRow(run: Run): RunRow {
  return {
    id: idOf(run.name),
    name: run.name,
    experiment: idOf(run.experiment),
    displayName: run.displayName,
    status: run.status,
    isStale: run.stale,
    isDeleted: run.state === LifecycleState.DELETED,
    start: millis(run.startTime),
    end: millis(run.endTime),
    written: millis(run.lastWriteTime),
    parent: idOf(run.parentRun),
    user: run.user,
    source: run.source,
    commit: run.gitCommit,
    createdBy: run.createdBy,
    datasets: (run.inputs?.datasets ?? []).map(({ dataset, tags }) => ({
      name: dataset?.name ?? "",
      digest: dataset?.digest ?? "",
      context: tags["mlflow.data.context"] ?? "",
    })),
    models: [...new Set((run.outputs?.models ?? []).map((model) => model.modelId))],
    metrics: valuesOf(run.metrics),
    params: run.params,
    tags: run.tags,
  };
}

const valuesOf = (metrics: readonly Metric[]): Map<string, MetricValues> =>
  new Map(metrics.map(({ key, value, min, max }) => [key, { last: value, min, max }]));

/** A row after a change of its run. */
export function changed(row: RunRow, change: RunChange): RunRow {
  const { run, kinds } = change;
  const isOfMetricsAlone = kinds.every((kind) => kind === RunChangeKind.METRICS);
  const base = run === undefined || isOfMetricsAlone ? row : { ...toRow(run), metrics: row.metrics };
  return { ...base, metrics: new Map([...row.metrics, ...valuesOf(change.metrics)]) };
}
