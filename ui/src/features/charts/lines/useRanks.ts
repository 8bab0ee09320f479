import type { UseQueryResult } from "@tanstack/react-query";
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import type { Ranks } from "~/features/charts/lines/ranks";
import { ranksQuery } from "~/features/charts/lines/ranks";
import type { Changes, ShownRun } from "~/features/charts/panel";

/** Of more runs nobody tells one area from another. */
export const MOST_RUNS = 20;
/** After so many changes, it is looked again which process is the slowest. */
const CHANGES_A_LOOK = 3;

const dataOf = (results: readonly UseQueryResult<Ranks>[]): (Ranks | undefined)[] => results.map(({ data }) => data);

/** The processes of runs that logged metrics: by the keys of these, then by the names of runs. */
export function useRanks(
  runs: readonly ShownRun[],
  metrics: readonly string[],
  changes: Changes,
): ReadonlyMap<string, ReadonlyMap<string, Ranks>> {
  const look = Math.floor(changes.now / CHANGES_A_LOOK);
  const asked = useMemo(
    () =>
      metrics.flatMap((key) =>
        runs.slice(0, MOST_RUNS).map(({ name, isRunning }) => ({ key, name, moment: isRunning ? look : -1 })),
      ),
    [runs, metrics, look],
  );
  const found = useQueries({
    queries: asked.map(({ key, name, moment }) => ranksQuery(name, key, moment)),
    combine: dataOf,
  });
  return useMemo(() => {
    const byKey = new Map<string, Map<string, Ranks>>();
    for (const [place, { key, name }] of asked.entries()) {
      const ranks = found[place];
      if (ranks === undefined) continue;
      const ofKey = byKey.get(key) ?? new Map<string, Ranks>();
      byKey.set(key, ofKey.set(name, ranks));
    }
    return byKey;
  }, [asked, found]);
}
