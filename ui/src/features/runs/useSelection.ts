import { useMemo, useState } from "react";

import type { RunsSearch } from "~/features/runs/search";

/** So many are in the URL: it has to fit where people paste it. */
const MOST_IN_URL = 100;

/** The runs that are selected: in the URL, unless they are many. */
export function useSelection(search: RunsSearch, go: (change: Partial<RunsSearch>) => void) {
  const [many, setMany] = useState<readonly string[] | null>(null);
  const [last, setLast] = useState<string | null>(null);
  const ids = useMemo(() => many ?? search.selected ?? [], [many, search.selected]);
  const selected = useMemo(() => new Set(ids), [ids]);
  const put = (next: Iterable<string>): void => {
    const all = [...next];
    setMany(all.length > MOST_IN_URL ? all : null);
    const inUrl = all.length > 0 && all.length <= MOST_IN_URL ? all : undefined;
    if (inUrl !== undefined || search.selected !== undefined) go({ selected: inUrl });
  };
  return {
    ids,
    selected,
    clear: () => put([]),
    /** Selects a run, or no more; `shown` are the ids of all rows, so that all from the last one on can be. */
    toggle: (id: string, isRange: boolean, shown: readonly string[]): void => {
      const [from, to] = [last === null ? -1 : shown.indexOf(last), shown.indexOf(id)];
      const isOn = !selected.has(id);
      const next = new Set(selected);
      const range = isRange && from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
      for (const each of range) {
        if (isOn) next.add(each);
        else next.delete(each);
      }
      setLast(id);
      put(next);
    },
    /** Selects all rows, or none where all are. */
    toggleAll: (shown: readonly string[]): void => put(shown.every((id) => selected.has(id)) ? [] : shown),
  };
}
