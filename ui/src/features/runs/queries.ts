import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { registry, tracking } from "~/api/clients";
import type { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { idOf, modelIn, workspaceName } from "~/api/names";
import type { Reading } from "~/features/runs/columns";
import { columnOf } from "~/features/runs/columns";
import { isNested } from "~/features/runs/nesting";
import type { RunRow } from "~/features/runs/rows";
import { toRow } from "~/features/runs/rows";
import type { RunsSearch } from "~/features/runs/search";
import { quoted } from "~/filter/quote";
import { allOf, filterOf } from "~/shared/runs/filters";
import type { Scope } from "~/shared/runs/queries";
import { LARGEST_PAGE, lifecycleOf, within } from "~/shared/runs/queries";

/** The first page is what fits on a screen; the next ones are larger and larger, for those who go on. */
const FIRST_PAGE = 100;
const FRESH_MS = 60_000;

/** Where a page begins. All pages of a search have the filter of the first. */
interface PageStart {
  readonly token: string;
  readonly filter: string;
  readonly size: number;
}

/** Some rows that follow each other. */
export interface RunsPage {
  readonly rows: readonly RunRow[];
  readonly next: PageStart | null;
}

/** The fields of requests that say what of runs is read. */
export const reading = ({ fields, metricKeys, paramKeys, tagKeys }: Reading) => ({
  readMask: { paths: [...fields] },
  metricKeys: [...metricKeys],
  paramKeys: [...paramKeys],
  tagKeys: [...tagKeys],
});

/** The fields of requests that say which runs pass, but for the filter, and in which order. */
export function ordered(search: RunsSearch): { view: LifecycleView; orderBy: string } {
  const name = search.order === undefined ? null : (columnOf(search.order)?.orderName ?? null);
  return {
    view: lifecycleOf(search),
    orderBy: name === null ? "" : `${name} ${search.desc === true ? "DESC" : "ASC"}`,
  };
}

/** What of a search says which runs come, as a text: nothing is read again when a column is resized. */
export const askedBy = (search: RunsSearch): string =>
  JSON.stringify([
    search.filter ?? "",
    search.view ?? "",
    search.status ?? "",
    search.since ?? "",
    search.dataset ?? "",
    search.order ?? "",
    search.desc === true,
    isNested(search),
  ]);

const TOP_LEVEL = "parent_run_id = ''";

/** The filter of the rows: what was typed and chosen, and where nested runs stand below others, no nested ones. */
export const rowsFilter = (search: RunsSearch): string =>
  allOf([filterOf(search, Date.now()), isNested(search) ? TOP_LEVEL : ""]);

/** What all that was read of the rows of some runs begins with, whichever of them passed. */
export const rowsKey = (scope: Scope, read: Reading): readonly unknown[] => [
  "runs",
  scope.workspace,
  scope.experiments,
  read,
];

/** The rows, page by page. */
export function rowsQuery(scope: Scope, search: RunsSearch, read: Reading) {
  const first: PageStart = { token: "", filter: "", size: FIRST_PAGE };
  return infiniteQueryOptions({
    queryKey: [...rowsKey(scope, read), "pages", askedBy(search)],
    initialPageParam: first,
    queryFn: async ({ pageParam, signal }): Promise<RunsPage> => {
      // Of pages that are read again, the first may have another time in its filter than the last had.
      const filter = pageParam.token === "" ? rowsFilter(search) : pageParam.filter;
      const page = await tracking.searchRuns(
        {
          ...within(scope),
          ...reading(read),
          ...ordered(search),
          filter,
          pageSize: pageParam.size,
          pageToken: pageParam.token,
        },
        { signal },
      );
      const size = Math.min(pageParam.size * 2, LARGEST_PAGE);
      const next = page.nextPageToken === "" ? null : { token: page.nextPageToken, filter, size };
      return { rows: page.runs.map(toRow), next };
    },
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    // Changes come by a watch, and go into the pages that are there.
    staleTime: Infinity,
    structuralSharing: false,
  });
}

/** How many runs pass. */
export const totalQuery = (scope: Scope, search: RunsSearch) =>
  queryOptions({
    queryKey: ["runs-total", scope.workspace, scope.experiments, askedBy(search)],
    queryFn: async ({ signal }) => {
      const { totalSize } = await tracking.searchRuns(
        {
          ...within(scope),
          view: ordered(search).view,
          filter: rowsFilter(search),
          readMask: { paths: ["name"] },
          pageSize: 1,
          countTotal: true,
        },
        { signal },
      );
      return Number(totalSize ?? 0n);
    },
  });

/** The runs that are nested in one, all of them. */
export const nestedQuery = (scope: Scope, search: RunsSearch, read: Reading, parent: string) =>
  queryOptions({
    queryKey: [...rowsKey(scope, read), "nested", parent, search.order, search.desc, search.view],
    queryFn: async ({ signal }): Promise<readonly RunRow[]> => {
      const rows: RunRow[] = [];
      let pageToken = "";
      do {
        const page = await tracking.searchRuns(
          {
            ...within(scope),
            ...reading(read),
            ...ordered(search),
            filter: `parent_run_id = ${quoted(parent)}`,
            pageSize: LARGEST_PAGE,
            pageToken,
          },
          { signal },
        );
        rows.push(...page.runs.map(toRow));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return rows;
    },
    staleTime: Infinity,
    structuralSharing: false,
  });

/** Whether any run is nested in another. */
export const anyNestedQuery = (scope: Scope) =>
  queryOptions({
    queryKey: ["runs-nested", scope.workspace, scope.experiments],
    queryFn: async ({ signal }) => {
      const page = await tracking.searchRuns(
        { ...within(scope), filter: "parent_run_id != ''", readMask: { paths: ["name"] }, pageSize: 1 },
        { signal },
      );
      return page.runs.length > 0;
    },
    staleTime: FRESH_MS,
  });

/** How often it is asked which runs have nested ones; of those that are left, it is not known. */
const PARENT_ROUNDS = 5;

/** Which of some runs have nested ones, or may have. */
export const parentsQuery = (scope: Scope, search: RunsSearch, ids: readonly string[]) =>
  queryOptions({
    queryKey: ["runs-parents", scope.workspace, scope.experiments, search.view, ids],
    queryFn: async ({ signal }): Promise<ReadonlySet<string>> => {
      const found = new Set<string>();
      let left = ids;
      for (let round = 0; round < PARENT_ROUNDS && left.length > 0; round += 1) {
        const page = await tracking.searchRuns(
          {
            ...within(scope),
            view: ordered(search).view,
            filter: `parent_run_id IN (${left.map(quoted).join(", ")})`,
            readMask: { paths: ["parent_run"] },
            pageSize: LARGEST_PAGE,
          },
          { signal },
        );
        for (const run of page.runs) found.add(idOf(run.parentRun));
        if (page.nextPageToken === "") return found;
        left = left.filter((id) => !found.has(id));
      }
      return new Set([...found, ...left]);
    },
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
  });

/** Some runs as they are by now, those that pass. */
export async function rowsOf(
  scope: Scope,
  search: RunsSearch,
  read: Reading,
  ids: readonly string[],
): Promise<readonly RunRow[]> {
  const { runs } = await tracking.searchRuns({
    ...within(scope),
    ...reading(read),
    view: ordered(search).view,
    filter: allOf([rowsFilter(search), `run_id IN (${ids.map(quoted).join(", ")})`]),
    pageSize: LARGEST_PAGE,
  });
  return runs.map(toRow);
}

/** A version of a model that a run made. */
export interface MadeVersion {
  readonly model: string;
  readonly version: string;
}

/** The registered versions that some runs made, by the ids of the runs. */
export const versionsQuery = (workspace: string, runs: readonly string[]) =>
  queryOptions({
    queryKey: ["versions-of-runs", workspace, runs],
    queryFn: async ({ signal }): Promise<ReadonlyMap<string, readonly MadeVersion[]>> => {
      const { modelVersions } = await registry.searchModelVersions(
        {
          parent: workspaceName(workspace),
          filter: `run_id IN (${runs.map(quoted).join(", ")})`,
          pageSize: LARGEST_PAGE,
        },
        { signal },
      );
      const made = new Map<string, MadeVersion[]>();
      for (const { name, source } of modelVersions) {
        const id = idOf(source?.run ?? "");
        made.set(id, [...(made.get(id) ?? []), { model: modelIn(name), version: idOf(name) }]);
      }
      return made;
    },
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
  });
