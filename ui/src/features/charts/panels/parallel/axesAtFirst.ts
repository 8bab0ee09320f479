import type { ShownRun } from "~/features/charts/panel";
import { idOfAxis } from "~/features/charts/panels/axes";

/** Past so many, axes are too narrow to read before somebody chose them. */
const MOST = 8;
const MOST_PARAMS = 5;
const SYSTEM = "system/";

/** The axes that tell most: params that differ, and metrics but for those of the machine. All params where none differs. */
export function axesAtFirst(runs: readonly ShownRun[]): string[] {
  const params = sorted(runs.flatMap((run) => Object.keys(run.params)));
  const differing = params.filter((key) => new Set(runs.map((run) => run.params[key])).size > 1);
  const metrics = sorted(runs.flatMap((run) => [...run.metrics.keys()])).filter((key) => !key.startsWith(SYSTEM));
  const first = (differing.length === 0 ? params : differing).slice(0, MOST_PARAMS);
  return [
    ...first.map((key) => idOfAxis({ kind: "params", key })),
    ...metrics.slice(0, MOST - first.length).map((key) => idOfAxis({ kind: "metrics", key })),
  ];
}

const sorted = (keys: readonly string[]): string[] =>
  [...new Set(keys)].toSorted((one, other) => one.localeCompare(other, "en", { numeric: true }));
