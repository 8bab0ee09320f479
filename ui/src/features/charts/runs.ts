import type { Metric } from "~/api/gen/trivet/tracking/v1/metric_pb";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import type { ChosenColors } from "~/charts/chosenColors";
import { colorOfGroup, ownColorOf } from "~/charts/colors";
import type { MetricValues, ShownRun } from "~/features/charts/panel";

/** A run as the server has it, before it has a colour. */
export interface FoundRun extends Omit<ShownRun, "color" | "dash" | "group"> {
  readonly status: RunStatus;
  readonly user: string;
}

export function toFoundRun(run: Run): FoundRun {
  return {
    id: idOf(run.name),
    name: run.name,
    displayName: run.displayName,
    status: run.status,
    isRunning: run.status === RunStatus.RUNNING,
    user: run.user,
    startTime: millis(run.startTime) ?? 0,
    params: run.params,
    metrics: valuesOf(run.metrics),
    tags: run.tags,
  };
}

export const valuesOf = (metrics: readonly Metric[]): Map<string, MetricValues> =>
  new Map(metrics.map(({ key, value, min, max }) => [key, { last: value, min, max }]));

/** Strokes and gaps of lines that share a colour: the first has none. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
/** With more lines, dashes tell nothing, and cost much to draw. */
const MOST_DASHED = 60;
/** The group of runs that have nothing to be grouped by. */
export const UNGROUPED = "none";

const STATUS_WORDS: Readonly<Record<RunStatus, string>> = {
  [RunStatus.UNSPECIFIED]: "unknown",
  [RunStatus.RUNNING]: "running",
  [RunStatus.SCHEDULED]: "scheduled",
  [RunStatus.FINISHED]: "finished",
  [RunStatus.FAILED]: "failed",
  [RunStatus.KILLED]: "killed",
};

/** What a run is grouped with, by `status`, `user`, `param:KEY` or `tag:KEY`. */
function groupOf(run: FoundRun, by: string): string {
  if (by === "status") return STATUS_WORDS[run.status];
  const key = by.slice(by.indexOf(":") + 1);
  const value = by === "user" ? run.user : by.startsWith("param:") ? run.params[key] : run.tags[key];
  return value === undefined || value === "" ? UNGROUPED : value;
}

/** Runs with their colours: each its own or a chosen one, or where they are grouped, that of its group. */
export function colored(runs: readonly FoundRun[], by: string | undefined, chosen: ChosenColors): ShownRun[] {
  const groups = by === undefined ? [] : namesOfGroups(runs.map((run) => groupOf(run, by)));
  const places = new Map(groups.map((group, place) => [group, place]));
  const uses = new Map<string, number>();
  return runs.map((run) => {
    const { status: _, user: __, ...rest } = run;
    const group = by === undefined ? null : groupOf(run, by);
    const color = group === null ? (chosen.get(run.id) ?? ownColorOf(run.id)) : colorOfGroup(places.get(group) ?? 0);
    const use = uses.get(color) ?? 0;
    uses.set(color, use + 1);
    const dash = group === null && runs.length <= MOST_DASHED ? (DASHES[use % DASHES.length] ?? []) : [];
    return { ...rest, color, dash, group };
  });
}

/** The different groups: numbers by their size, texts by their letters, those that have none last. */
export const namesOfGroups = (groups: readonly string[]): string[] => [...new Set(groups)].toSorted(orderOfGroups);

const orderOfGroups = (one: string, other: string): number =>
  Number(one === UNGROUPED) - Number(other === UNGROUPED) || one.localeCompare(other, "en", { numeric: true });
