import type { UseQueryResult } from "@tanstack/react-query";
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo } from "react";

import type { Ranks } from "~/features/charts/lines/ranks";
import { ranksKey, ranksQuery } from "~/features/charts/lines/ranks";
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
  const client = useQueryClient();
  const look = Math.floor(changes.now / CHANGES_A_LOOK);
  const asked = useMemo(
    () => metrics.flatMap((key) => runs.slice(0, MOST_RUNS).map(({ name }) => ({ key, name }))),
    [runs, metrics],
  );
  const lookAgain = useEffectEvent((): void => {
    for (const { name, isRunning } of metrics.length === 0 ? [] : runs.slice(0, MOST_RUNS)) {
      if (isRunning) void client.invalidateQueries({ queryKey: ranksKey(name) }, { cancelRefetch: false });
    }
  });
  // What was found stays until more is known.
  useEffect(() => {
    if (look > 0) lookAgain();
  }, [look]);
  const found = useQueries({
    queries: asked.map(({ key, name }) => ranksQuery(name, key)),
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
