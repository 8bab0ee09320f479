import type { QueryClient } from "@tanstack/react-query";

import { comparedQuery, experimentNamesQuery } from "~/features/compare/queries";
import type { CompareSearch } from "~/features/compare/search";
import { comparedIds } from "~/features/compare/search";

/** Begins to read the runs of a comparison, while its code is on its way. Faults are the page's to tell. */
export function prefetchCompared(client: QueryClient, workspace: string, search: CompareSearch): void {
  const ids = comparedIds(search);
  if (ids.length === 0) return;
  void client.prefetchQuery(comparedQuery(workspace, ids));
  void client.prefetchQuery(experimentNamesQuery(workspace));
}
