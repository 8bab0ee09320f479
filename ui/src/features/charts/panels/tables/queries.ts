import { queryOptions } from "@tanstack/react-query";

import { artifacts } from "~/api/clients";
import { failureOf } from "~/api/errors";
import { readBytes } from "~/api/files";
import type { ShownRun } from "~/features/charts/panel";
import { FILES_AGAIN_MS, FILES_FRESH_MS } from "~/features/charts/panels/files/queries";
import { tableOf } from "~/features/charts/panels/tables/table";
import type { LoggedTable } from "~/viewers/json";
import { suffixOf } from "~/viewers/viewerOf";

/** A table of a run, or why there is none. */
export type RunTable =
  { readonly is: "table"; readonly table: LoggedTable } | { readonly is: "missing" | "large" | "unreadable" };

/** Larger tables are for the viewer of artifacts, one at a time. */
export const MOST_TABLE_BYTES = 8 * 2 ** 20;
const READABLE: ReadonlySet<string> = new Set(["json", "csv", "tsv"]);

/** The table of a run at a path. */
export const tableQuery = (run: ShownRun, path: string) =>
  queryOptions({
    queryKey: ["charts-table", run.name, path],
    queryFn: ({ signal }) => readTable(run.name, path, signal),
    staleTime: FILES_FRESH_MS,
    refetchInterval: run.isRunning ? FILES_AGAIN_MS : false,
    structuralSharing: false,
  });

async function readTable(owner: string, path: string, signal: AbortSignal): Promise<RunTable> {
  try {
    const { sizeBytes } = await artifacts.getArtifact({ owner, path }, { signal });
    if (sizeBytes > BigInt(MOST_TABLE_BYTES)) return { is: "large" };
    if (!READABLE.has(suffixOf(path))) return { is: "unreadable" };
    const table = tableOf(path, await readBytes({ owner, path }, {}, signal));
    return table === null ? { is: "unreadable" } : { is: "table", table };
  } catch (error) {
    if (failureOf(error).isMissing) return { is: "missing" };
    throw error;
  }
}
