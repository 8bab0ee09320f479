import type { ShownRun } from "~/features/charts/panel";
import { LOGGED_ARTIFACTS_TAG } from "~/features/charts/panels/tables/kind";
import { parseDelimited, separatorOf } from "~/viewers/delimited";
import type { LoggedTable } from "~/viewers/json";
import { isObject, parseJson, tableIn } from "~/viewers/json";
import { textIn } from "~/viewers/reading";
import { suffixOf } from "~/viewers/viewerOf";

/** Names of columns that say the step of a row. */
const STEP_COLUMNS = ["step", "global_step", "epoch"];

/** The paths of the tables that runs logged. */
export function pathsOf(runs: readonly ShownRun[]): string[] {
  const paths = runs.flatMap((run) => entriesIn(run.tags[LOGGED_ARTIFACTS_TAG] ?? ""));
  return [...new Set(paths)].toSorted((one, other) => one.localeCompare(other, "en", { numeric: true }));
}

function entriesIn(tag: string): string[] {
  if (tag === "") return [];
  try {
    const entries: unknown = JSON.parse(tag);
    if (!Array.isArray(entries)) return [];
    return entries.flatMap((each: unknown) =>
      isObject(each) && each["type"] === "table" && typeof each["path"] === "string" ? [each["path"]] : [],
    );
  } catch {
    // Anybody can set a tag.
    return [];
  }
}

/** The table that a file is, by its name; null where it is none that can be read here. */
export function tableOf(name: string, bytes: Uint8Array<ArrayBuffer>): LoggedTable | null {
  const text = textIn(bytes);
  if (suffixOf(name) === "json") {
    try {
      return tableIn(parseJson(text));
    } catch {
      return null;
    }
  }
  const [columns, ...data] = parseDelimited(text, separatorOf(text, suffixOf(name)), true);
  return columns === undefined ? null : { columns, data };
}

/** The rows of a table with their steps; null where no column says them. */
export function stepsIn(table: LoggedTable): readonly number[] | null {
  const place = STEP_COLUMNS.map((name) => table.columns.indexOf(name)).find((each) => each !== -1);
  if (place === undefined) return null;
  const steps = table.data.map((row) => Number(row[place] ?? NaN));
  return steps.every(Number.isFinite) ? steps : null;
}

/** The rows of the last step that is not after one; all rows where there are no steps. */
export function rowsAt(
  table: LoggedTable,
  step: number | null,
): { readonly table: LoggedTable; readonly step: number | null } {
  const steps = stepsIn(table);
  if (steps === null) return { table, step: null };
  const at = steps.reduce((last, each) => (each > last && (step === null || each <= step) ? each : last), -Infinity);
  return { table: { columns: table.columns, data: table.data.filter((_, row) => steps[row] === at) }, step: at };
}
