import type { QueryClient } from "@tanstack/react-query";

import { sectionsOf } from "~/features/charts/board";
import { KINDS } from "~/features/charts/kinds";
import { neededBy } from "~/features/charts/needs";
import { foundQuery, isNarrowed, metricKeysQuery, totalQuery } from "~/features/charts/queries";
import type { ChartsSearch } from "~/features/charts/search";
import { MOST_AT_FIRST } from "~/features/charts/search";
import { experimentIds } from "~/shared/runs/choice";
import { experimentQuery } from "~/shared/runs/queries";

/** Begins to read what the page of charts shows first, while its code is on its way. Faults are the page's to tell. */
export function prefetchCharts(
  client: QueryClient,
  { workspace, experiment }: { readonly workspace: string; readonly experiment: string },
  search: ChartsSearch,
): void {
  const scope = { workspace, experiments: experimentIds(experiment, search.and) };
  for (const id of scope.experiments) void client.prefetchQuery(experimentQuery(workspace, id));
  // Panels of metrics, which there are by themselves, need nothing of runs.
  const needs = neededBy(sectionsOf([], search.panels ?? {}), search.group);
  void client.prefetchQuery(foundQuery(scope, search, search.most ?? MOST_AT_FIRST, needs));
  if (!isNarrowed(search)) void client.prefetchQuery(metricKeysQuery(scope, null));
  void client.prefetchQuery(totalQuery(scope, search));
  KINDS.lines.preload();
}
