import { tracking } from "~/api/clients";
import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import type { RunColumn } from "~/features/runs/columns";
import { NAME, readingOf } from "~/features/runs/columns";
import { ordered, reading } from "~/features/runs/queries";
import type { RunRow } from "~/features/runs/rows";
import { toRow } from "~/features/runs/rows";
import type { RunsSearch } from "~/features/runs/search";
import { csvLine } from "~/shared/format/csv";
import { filterOf } from "~/shared/runs/filters";
import type { Scope } from "~/shared/runs/queries";
import { LARGEST_PAGE, within } from "~/shared/runs/queries";

/** All runs that pass, nested ones too, with the columns that are shown, as CSV (RFC 4180). */
export async function csvOf(
  scope: Scope,
  search: RunsSearch,
  columns: readonly RunColumn[],
  onProgress: (rows: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const filter = filterOf(search, Date.now());
  const shown = columns.filter((column) => column.id !== "run_id");
  const lines = [csvLine(["run_id", NAME, ...shown.map(headOf)])];
  let pageToken = "";
  let rows = 0;
  do {
    const page = await tracking.searchRuns(
      {
        ...within(scope),
        ...reading(readingOf(columns)),
        ...ordered(search),
        filter,
        pageSize: LARGEST_PAGE,
        pageToken,
      },
      { signal },
    );
    for (const run of page.runs) {
      const row = toRow(run);
      lines.push(csvLine([row.id, row.displayName, ...shown.map((column) => wholeText(row, column))]));
    }
    rows += page.runs.length;
    onProgress(rows);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  // Told that it is UTF-8, spreadsheets read it as such.
  return new Blob(["\uFEFF", ...lines], { type: "text/csv;charset=utf-8" });
}

const headOf = ({ group, key, part, id }: RunColumn): string => {
  if (group === "attributes") return id;
  return part === "last" ? `${group}.${key}` : `${group}.${key}.${part}`;
};

const iso = (time: number | null): string => (time === null ? "" : new Date(time).toISOString());

/** The whole value that a column has of a run; times in UTC, spans in milliseconds. */
export function wholeText(row: RunRow, { group, key, part }: RunColumn): string {
  if (group === "metrics") return String(row.metrics.get(key)?.[part] ?? "");
  if (group === "params") return row.params[key] ?? "";
  if (group === "tags") return row.tags[key] ?? "";
  switch (key) {
    case "status":
      return RunStatus[row.status];
    case "created":
      return iso(row.start);
    case "ended":
      return iso(row.end);
    case "written":
      return iso(row.written);
    case "duration":
      return row.start === null || row.end === null ? "" : String(row.end - row.start);
    case "user":
      return row.user;
    case "created_by":
      return row.createdBy;
    case "source":
      return row.source;
    case "commit":
      return row.commit;
    case "datasets":
      return row.datasets.map(({ name, digest }) => `${name}@${digest}`).join(" ");
    case "models":
      return row.models.join(" ");
    case "parent":
      return row.parent;
    case "experiment":
      return row.experiment;
    default:
      return "";
  }
}
