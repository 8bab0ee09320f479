import type { ShownRun } from "~/features/charts/panel";
import { dimensionOf } from "~/features/charts/panels/axes";
import type { Question } from "~/features/charts/panels/importance/analysis";

/** What is to be found out of some runs: how their params and a metric go together. */
export function questionOf(runs: readonly ShownRun[], target: string): Question {
  const keys = new Set(runs.flatMap((run) => Object.keys(run.params)));
  const { kind, values } = dimensionOf(runs, target);
  return {
    params: [...keys]
      .toSorted((one, other) => one.localeCompare(other, "en", { numeric: true }))
      .map((key) => ({ key, texts: runs.map((run) => run.params[key] ?? null) })),
    target: kind === "number" ? values : runs.map(() => null),
  };
}
