import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import { RunKeyKind } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import type { Needs } from "~/features/charts/panel";
import type { FoundRun } from "~/features/charts/runs";
import { toFoundRun } from "~/features/charts/runs";
import { quoted } from "~/filter/quote";
import type { RunsChoice } from "~/shared/runs/choice";
import { allOf, filterOf } from "~/shared/runs/filters";
import type { Scope } from "~/shared/runs/queries";
import { LARGEST_PAGE, lifecycleOf, within } from "~/shared/runs/queries";

const FIELDS = ["name", "display_name", "status", "start_time", "user"];
const FRESH_MS = 60_000;

/** What of the URL says which runs pass, as a text. */
const askedBy = ({ filter, view, status, since, dataset, selected }: RunsChoice): unknown[] => [
  filter ?? "",
  view ?? "",
  status ?? "",
  since ?? "",
  dataset ?? "",
  selected ?? [],
];

/** Whether not all runs of the experiments pass. */
export const isNarrowed = (choice: RunsChoice): boolean =>
  (choice.selected?.length ?? 0) > 0 || filterOf(choice, 0) !== "" || choice.view !== undefined;

/** The filter of the runs that are shown: of those that pass the selected ones, where some are. */
export const shownFilter = (choice: RunsChoice): string =>
  allOf([
    filterOf(choice, Date.now()),
    (choice.selected?.length ?? 0) > 0 ? `run_id IN (${(choice.selected ?? []).map(quoted).join(", ")})` : "",
  ]);

const field = (name: string, needed: readonly string[] | "all"): string[] => (needed.length > 0 ? [name] : []);
const keys = (needed: readonly string[] | "all"): string[] => (needed === "all" ? [] : [...needed]);

/** The fields of requests that say what of runs is read. */
export function reading({ metrics, params, tags }: Needs) {
  // A list of keys that is empty means all of them.
  const paths = [...FIELDS, ...field("metrics", metrics), ...field("params", params), ...field("tags", tags)];
  return { readMask: { paths }, metricKeys: keys(metrics), paramKeys: keys(params), tagKeys: keys(tags) };
}

/** What all that was read of the runs of an experiment for its charts begins with. */
export const chartsKey = (scope: Scope): readonly unknown[] => ["charts", scope.workspace, scope.experiments];

/** What all that was found of runs begins with, whatever was asked for. */
export const runsKey = (scope: Scope): readonly unknown[] => [...chartsKey(scope), "runs"];
export const totalKey = (scope: Scope): readonly unknown[] => [...chartsKey(scope), "total"];
export const metricKeysKey = (scope: Scope): readonly unknown[] => [...chartsKey(scope), "metric-keys"];

/** The newest runs that pass, with what panels need of them. */
export const foundQuery = (scope: Scope, choice: RunsChoice, most: number, needs: Needs) =>
  queryOptions({
    queryKey: [...runsKey(scope), askedBy(choice), most, needs],
    queryFn: async ({ signal }): Promise<readonly FoundRun[]> => {
      const filter = shownFilter(choice);
      const runs: FoundRun[] = [];
      let pageToken = "";
      do {
        const page = await tracking.searchRuns(
          {
            ...within(scope),
            ...reading(needs),
            view: lifecycleOf(choice),
            filter,
            pageSize: most - runs.length,
            pageToken,
          },
          { signal },
        );
        runs.push(...page.runs.map(toFoundRun));
        pageToken = page.nextPageToken;
      } while (pageToken !== "" && runs.length < most);
      return runs;
    },
    placeholderData: keepPreviousData,
    // Changes come by a watch.
    staleTime: Infinity,
    structuralSharing: false,
  });

/** How many runs pass. */
export const totalQuery = (scope: Scope, choice: RunsChoice) =>
  queryOptions({
    queryKey: [...totalKey(scope), askedBy(choice)],
    queryFn: async ({ signal }) => {
      const { totalSize } = await tracking.searchRuns(
        {
          ...within(scope),
          view: lifecycleOf(choice),
          filter: shownFilter(choice),
          readMask: { paths: ["name"] },
          pageSize: 1,
          countTotal: true,
        },
        { signal },
      );
      return Number(totalSize ?? 0n);
    },
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
  });

/** All keys of metrics: of some runs, or of all of the experiments where they are null. */
export const metricKeysQuery = (scope: Scope, runs: readonly string[] | null) =>
  queryOptions({
    queryKey: [...metricKeysKey(scope), runs],
    queryFn: async ({ signal }): Promise<readonly string[]> => {
      const keys: string[] = [];
      let pageToken = "";
      if (runs?.length === 0) return keys;
      const { parent, experiments } = within(scope);
      const where = runs === null ? { parent, experiments } : { parent, runs: [...runs] };
      do {
        const page = await tracking.listRunKeys(
          { ...where, kind: RunKeyKind.METRIC, pageSize: LARGEST_PAGE, pageToken },
          { signal },
        );
        keys.push(...page.keys);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return keys;
    },
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
  });
