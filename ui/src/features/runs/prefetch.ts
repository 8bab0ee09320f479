import type { QueryClient } from "@tanstack/react-query";

import { columnsOf, defaultColumns, readingOf } from "~/features/runs/columns";
import { rowsQuery, totalQuery } from "~/features/runs/queries";
import type { RunsSearch } from "~/features/runs/search";
import { experimentIds } from "~/shared/runs/choice";
import { experimentQuery, keysQuery } from "~/shared/runs/queries";

/** Begins to read what the table of runs shows first, while its code is on its way. Faults are the table's to tell. */
export async function prefetchRuns(
  client: QueryClient,
  { workspace, experiment }: { readonly workspace: string; readonly experiment: string },
  search: RunsSearch,
): Promise<void> {
  const scope = { workspace, experiments: experimentIds(experiment, search.and) };
  for (const id of scope.experiments) void client.prefetchQuery(experimentQuery(workspace, id));
  const keysOf = async (kind: "metrics" | "params"): Promise<readonly string[]> => {
    const query = keysQuery(scope, kind, "");
    await client.prefetchInfiniteQuery(query);
    return client.getQueryData(query.queryKey)?.pages[0]?.keys ?? [];
  };
  const ids =
    search.columns ??
    defaultColumns(...(await Promise.all([keysOf("metrics"), keysOf("params")])), scope.experiments.length > 1);
  await client.prefetchInfiniteQuery(rowsQuery(scope, search, readingOf(columnsOf(ids))));
  await client.prefetchQuery(totalQuery(scope, search));
}
