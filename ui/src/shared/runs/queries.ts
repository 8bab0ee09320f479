import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { RunKeyKind } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import { experimentName, workspaceName } from "~/api/names";
import type { RunsChoice } from "~/shared/runs/choice";

/** As many runs as the server gives at once. */
export const LARGEST_PAGE = 1000;
const KEYS_PAGE = 200;
const FRESH_MS = 60_000;
const VIEWS = { active: LifecycleView.ACTIVE, deleted: LifecycleView.DELETED, all: LifecycleView.ALL } as const;

/** Which runs: those of some experiments of a workspace. */
export interface Scope {
  readonly workspace: string;
  /** Ids; at least one. */
  readonly experiments: readonly string[];
}

/** The fields of requests that say which runs are searched. */
export const within = ({ workspace, experiments }: Scope): { parent: string; experiments: string[] } => ({
  parent: workspaceName(workspace),
  experiments: experiments.map((id) => experimentName(workspace, id)),
});

/** Which runs by their state, as requests say it. */
export const lifecycleOf = ({ view }: RunsChoice): LifecycleView => VIEWS[view ?? "active"];

const KEY_KINDS = { metrics: RunKeyKind.METRIC, params: RunKeyKind.PARAM, tags: RunKeyKind.TAG } as const;
export type KeyKind = keyof typeof KEY_KINDS;

/** The keys of metrics, params or tags that hold a text, page by page. */
export const keysQuery = (scope: Scope, kind: KeyKind, contains: string) =>
  infiniteQueryOptions({
    queryKey: ["run-keys", scope.workspace, scope.experiments, kind, contains],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      tracking.listRunKeys(
        { ...within(scope), kind: KEY_KINDS[kind], contains, pageSize: KEYS_PAGE, pageToken: pageParam },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || null,
    staleTime: FRESH_MS,
    placeholderData: keepPreviousData,
  });

/** The names of the datasets that runs used. */
export const datasetsQuery = (scope: Scope) =>
  queryOptions({
    queryKey: ["run-datasets", scope.workspace, scope.experiments],
    queryFn: async ({ signal }) => {
      const { datasets } = await tracking.searchDatasets({ ...within(scope), pageSize: LARGEST_PAGE }, { signal });
      return [...new Set(datasets.map((dataset) => dataset.name))];
    },
    staleTime: FRESH_MS,
  });

export const experimentQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ["experiment", workspace, id],
    queryFn: ({ signal }) => tracking.getExperiment({ name: experimentName(workspace, id) }, { signal }),
  });
