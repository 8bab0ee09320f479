import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import type { Needs, ShownRun } from "~/features/charts/panel";
import { foundQuery, totalQuery } from "~/features/charts/queries";
import { colored } from "~/features/charts/runs";
import type { ChartsSearch } from "~/features/charts/search";
import { MOST_AT_FIRST } from "~/features/charts/search";
import type { Scope } from "~/shared/runs/queries";

const NONE: readonly never[] = [];

/** The runs of the page, and those of them that panels show. */
export function useShown(scope: Scope, search: ChartsSearch, needs: Needs) {
  const found = useQuery(foundQuery(scope, search, search.most ?? MOST_AT_FIRST, needs));
  const { data: total = null } = useQuery(totalQuery(scope, search));
  const { group, hidden = NONE } = search;
  const runs: readonly ShownRun[] = useMemo(() => colored(found.data ?? NONE, group), [found.data, group]);
  const shown = useMemo(() => {
    const away = new Set(hidden);
    return away.size === 0 ? runs : runs.filter((run) => !away.has(run.id) && !away.has(nameOfGroup(run)));
  }, [runs, hidden]);
  return { found, total, runs, shown };
}

/** What `hidden` calls the group of a run; no id of a run looks like it. */
export const nameOfGroup = (run: Pick<ShownRun, "group">): string => `=${run.group ?? ""}`;
