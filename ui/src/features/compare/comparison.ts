import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import { isOfSystem } from "~/shared/components/Tags";
import { duration, fullTime } from "~/shared/format/times";

/** What runs have under one key. One value a run, null where it has none. */
export interface TextRow {
  readonly kind: "attribute" | "param" | "tag";
  readonly key: string;
  readonly values: readonly (string | null)[];
  /** Whether two runs have different values, or one has none. */
  readonly differs: boolean;
}

export interface MetricRow {
  readonly kind: "metric";
  readonly key: string;
  readonly last: readonly (number | null)[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  readonly step: readonly (number | null)[];
  readonly differs: boolean;
}

/** A run, as the head of its column. */
export interface ComparedRun {
  readonly id: string;
  readonly name: string;
  /** How long it took; null while it runs. Milliseconds. */
  readonly duration: number | null;
  /** What there is too much of to compare it here: `metrics`, `params`, `tags`. */
  readonly omitted: readonly string[];
}

/** Runs side by side. */
export interface Comparison {
  readonly runs: readonly ComparedRun[];
  /** The ids that no run has. */
  readonly missing: readonly string[];
  readonly attributes: readonly TextRow[];
  readonly params: readonly TextRow[];
  readonly metrics: readonly MetricRow[];
  readonly tags: readonly TextRow[];
}

/** Puts runs side by side, in the order of their ids. Experiments are called as they are by their resource names. */
export function compared(
  ids: readonly string[],
  found: readonly Run[],
  experiments: ReadonlyMap<string, string> = new Map(),
): Comparison {
  const byId = new Map(found.map((run) => [idOf(run.name), run]));
  const runs = ids.flatMap((id) => byId.get(id) ?? []);
  return {
    runs: runs.map((run) => ({
      id: idOf(run.name),
      name: run.displayName,
      duration: durationOf(run),
      omitted: run.omitted?.paths ?? [],
    })),
    missing: ids.filter((id) => !byId.has(id)),
    attributes: Object.entries(ATTRIBUTES)
      .map(([key, read]) =>
        textRow(
          "attribute",
          key,
          runs.map((run) => read(run, experiments) || null),
        ),
      )
      .filter((row) => row.values.some((value) => value !== null)),
    params: textRows(
      "param",
      runs.map((run) => run.params),
    ),
    metrics: metricRows(runs),
    tags: textRows(
      "tag",
      runs.map((run) => run.tags),
    ).filter((row) => !isOfSystem(row.key)),
  };
}

const STATUSES: Readonly<Record<RunStatus, string>> = {
  [RunStatus.UNSPECIFIED]: "",
  [RunStatus.RUNNING]: "running",
  [RunStatus.SCHEDULED]: "scheduled",
  [RunStatus.FINISHED]: "finished",
  [RunStatus.FAILED]: "failed",
  [RunStatus.KILLED]: "killed",
};

const ATTRIBUTES: Readonly<Record<string, (run: Run, experiments: ReadonlyMap<string, string>) => string>> = {
  "run id": (run) => idOf(run.name),
  experiment: (run, experiments) => experiments.get(run.experiment) ?? idOf(run.experiment),
  status: (run) => STATUSES[run.status],
  started: (run) => timeOf(millis(run.startTime)),
  duration: (run) => {
    const span = durationOf(run);
    return span === null ? "" : duration(span);
  },
  user: (run) => run.user,
  source: (run) => run.source,
  commit: (run) => run.gitCommit,
  "parent run": (run) => (run.parentRun === "" ? "" : idOf(run.parentRun)),
  "forked from": (run) =>
    run.forkedFrom === undefined ? "" : `${idOf(run.forkedFrom.run)} at step ${run.forkedFrom.step}`,
};

const timeOf = (time: number | null): string => (time === null ? "" : fullTime(time));

function durationOf(run: Run): number | null {
  const [from, to] = [millis(run.startTime), millis(run.endTime)];
  return from === null || to === null ? null : to - from;
}

function textRow(kind: TextRow["kind"], key: string, values: readonly (string | null)[]): TextRow {
  return { kind, key, values, differs: areDifferent(values) };
}

function textRows(kind: TextRow["kind"], runs: readonly Readonly<Record<string, string>>[]): TextRow[] {
  const columns = new Map<string, (string | null)[]>();
  for (const [place, run] of runs.entries()) {
    for (const [key, value] of Object.entries(run)) columnOf(columns, key, runs.length)[place] = value;
  }
  return sortedByKey(columns).map(([key, values]) => textRow(kind, key, values));
}

function metricRows(runs: readonly Run[]): MetricRow[] {
  const columns = new Map<string, Record<"last" | "min" | "max" | "step", (number | null)[]>>();
  const none = (): null[] => Array.from({ length: runs.length }, () => null);
  for (const [place, run] of runs.entries()) {
    for (const metric of run.metrics) {
      let column = columns.get(metric.key);
      if (column === undefined) {
        column = { last: none(), min: none(), max: none(), step: none() };
        columns.set(metric.key, column);
      }
      column.last[place] = metric.value;
      column.min[place] = metric.min;
      column.max[place] = metric.max;
      column.step[place] = Number(metric.step);
    }
  }
  return sortedByKey(columns).map(([key, { last, min, max, step }]) => metricRow(key, last, min, max, step));
}

function metricRow(
  key: string,
  last: MetricRow["last"],
  min: MetricRow["min"],
  max: MetricRow["max"],
  step: MetricRow["step"],
): MetricRow {
  return { kind: "metric", key, last, min, max, step, differs: [last, min, max].some(areDifferent) };
}

function columnOf(columns: Map<string, (string | null)[]>, key: string, length: number): (string | null)[] {
  const known = columns.get(key);
  if (known !== undefined) return known;
  const made = Array.from({ length }, () => null);
  columns.set(key, made);
  return made;
}

const collator = new Intl.Collator("en", { numeric: true });

const sortedByKey = <T>(columns: ReadonlyMap<string, T>): [string, T][] =>
  [...columns].toSorted(([one], [other]) => collator.compare(one, other));

/** NaN is the same as NaN. */
const areDifferent = (values: readonly (string | number | null)[]): boolean =>
  values.some((value) => !Object.is(value, values[0]));

/** The same of some runs alone, by their places; whether they differ is found anew. */
export function only(comparison: Comparison, places: readonly number[]): Comparison {
  const pick = <T>(values: readonly (T | null)[]): (T | null)[] => places.map((place) => values[place] ?? null);
  const picked = (row: TextRow): TextRow => textRow(row.kind, row.key, pick(row.values));
  return {
    ...comparison,
    runs: places.flatMap((place) => comparison.runs[place] ?? []),
    attributes: comparison.attributes.map(picked),
    params: comparison.params.map(picked),
    tags: comparison.tags.map(picked),
    metrics: comparison.metrics.map((row) =>
      metricRow(row.key, pick(row.last), pick(row.min), pick(row.max), pick(row.step)),
    ),
  };
}
