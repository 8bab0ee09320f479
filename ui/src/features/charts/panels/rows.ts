import type { Dimension } from "~/charts/dimension";
import type { ShownRun } from "~/features/charts/panel";
import { csvLine } from "~/shared/format/csv";

/** What runs have on some axes as CSV, a line a run. */
export function csvOfRuns(runs: readonly ShownRun[], dimensions: readonly Dimension[]): string {
  const isGrouped = runs.some((run) => run.group !== null);
  const different = [...new Map(dimensions.map((each) => [each.id, each])).values()];
  return [
    csvLine(["run", "run_id", ...(isGrouped ? ["group"] : []), ...different.map(({ label }) => label)]),
    ...runs.map((run, place) =>
      csvLine([
        run.displayName,
        run.id,
        ...(isGrouped ? [run.group ?? ""] : []),
        ...different.map(({ values }) => String(values[place] ?? "")),
      ]),
    ),
  ].join("");
}
