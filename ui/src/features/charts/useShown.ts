import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { useChosenColors } from "~/charts/chosenColors";
import type { Needs, ShownRun } from "~/features/charts/panel";
import { foundQuery, totalQuery } from "~/features/charts/queries";
import { colored } from "~/features/charts/runs";
import type { ChartsSearch } from "~/features/charts/search";
import { MOST_AT_FIRST } from "~/features/charts/search";
import { shows } from "~/features/charts/visibility";
import type { Scope } from "~/shared/runs/queries";

const NONE: readonly never[] = [];

/** The runs of the page, and those of them that panels show. */
export function useShown(scope: Scope, search: ChartsSearch, needs: Needs) {
  const found = useQuery(foundQuery(scope, search, search.most ?? MOST_AT_FIRST, needs));
  const { data: total = null } = useQuery(totalQuery(scope, search));
  const { group, none, turned } = search;
  const chosen = useChosenColors();
  const runs: readonly ShownRun[] = useMemo(
    () => colored(found.data ?? NONE, group, chosen),
    [found.data, group, chosen],
  );
  const shown = useMemo(() => runs.filter(shows({ none, turned })), [runs, none, turned]);
  return { found, total, runs, shown };
}
