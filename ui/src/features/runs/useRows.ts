import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import type { RunColumn } from "~/features/runs/columns";
import { columnsOf, defaultColumns, readingOf } from "~/features/runs/columns";
import { itemsOf } from "~/features/runs/items";
import { isNested } from "~/features/runs/nesting";
import {
  anyNestedQuery,
  nestedQuery,
  parentsQuery,
  rowsQuery,
  totalQuery,
  versionsQuery,
} from "~/features/runs/queries";
import type { RunsSearch } from "~/features/runs/search";
import { useStable } from "~/shared/hooks/useStable";
import type { Scope } from "~/shared/runs/queries";
import { keysQuery } from "~/shared/runs/queries";

const NONE: readonly string[] = [];

/** The columns that are shown; those that were chosen, or some of what was logged, once that is known. */
export function useColumns(scope: Scope, search: RunsSearch) {
  const isChosen = search.columns !== undefined;
  const metrics = useInfiniteQuery({ ...keysQuery(scope, "metrics", ""), enabled: !isChosen });
  const params = useInfiniteQuery({ ...keysQuery(scope, "params", ""), enabled: !isChosen });
  const isReady = isChosen || (!metrics.isPending && !params.isPending);
  const [ofMetrics, ofParams] = [metrics.data?.pages[0]?.keys, params.data?.pages[0]?.keys];
  const columns = useMemo(
    () =>
      columnsOf(search.columns ?? defaultColumns(ofMetrics ?? NONE, ofParams ?? NONE, scope.experiments.length > 1)),
    [search.columns, ofMetrics, ofParams, scope],
  );
  const read = useStable(readingOf(columns));
  return { columns, read, isReady };
}

/** The rows of the table, with what is needed to show them. */
export function useRows(
  scope: Scope,
  search: RunsSearch,
  {
    columns,
    read,
    isReady,
  }: { readonly columns: readonly RunColumn[] } & Pick<ReturnType<typeof useColumns>, "read" | "isReady">,
) {
  const found = useInfiniteQuery({ ...rowsQuery(scope, search, read), enabled: isReady });
  const total = useQuery(totalQuery(scope, search));
  const nests = isNested(search);
  const { data: isAnyNested = false } = useQuery(anyNestedQuery(scope));
  const isTree = nests && isAnyNested;
  // A filter with a fault has no rows: those of the last one that had none stay.
  const [kept, setKept] = useState(found.data);
  if (found.data !== undefined && found.data !== kept) setKept(found.data);
  const pages = (found.data ?? (found.isError ? kept : undefined))?.pages;
  const open = useMemo(() => new Set(isTree ? search.open : NONE), [isTree, search.open]);
  const nested = useQueries({
    queries: [...open].map((id) => nestedQuery(scope, search, read, id)),
    combine: (results) => new Map([...open].map((id, place) => [id, results[place]?.data ?? []] as const)),
  });
  const groups = useMemo(
    () =>
      isTree
        ? [...(pages ?? []).map((page) => page.rows), ...nested.values()].map((rows) => rows.map(({ id }) => id))
        : [],
    [isTree, pages, nested],
  );
  const parents = useQueries({
    queries: groups.filter((ids) => ids.length > 0).map((ids) => parentsQuery(scope, search, ids)),
    combine: (results) => new Set(results.flatMap(({ data }) => [...(data ?? [])])),
  });
  const rows = useMemo(() => (pages ?? []).flatMap((page) => page.rows), [pages]);
  const items = useMemo(() => itemsOf(rows, parents, open, nested), [rows, parents, open, nested]);
  const isOfModels = columns.some((column) => column.id === "models");
  const versions = useQueries({
    queries: isOfModels
      ? (pages ?? [])
          .filter((page) => page.rows.length > 0)
          .map((page) =>
            versionsQuery(
              scope.workspace,
              page.rows.map((row) => row.id),
            ),
          )
      : [],
    combine: (results) => new Map(results.flatMap(({ data }) => [...(data ?? [])])),
  });
  const unread = found.hasNextPage ? Math.max((total.data ?? 0) - rows.length, 1) : 0;
  return {
    found,
    total: total.data ?? null,
    items,
    count: items.length + unread,
    isTree,
    isAnyNested,
    isStale: found.isPlaceholderData || (found.isError && found.data === undefined),
    versions,
  };
}
