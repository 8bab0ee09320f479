import { infiniteQueryOptions, keepPreviousData, useMutation, useQueries, useQueryClient } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import type { ExperimentActivity } from "~/api/gen/trivet/tracking/v1/experiment_activity_pb";
import { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { workspaceName } from "~/api/names";
import type { ExperimentsSearch } from "~/features/experiments/search";
import { containing } from "~/filter/quote";

const PAGE_SIZE = 200;
const ACTIVITY_EVERY_MS = 20_000;
const VIEWS = { active: LifecycleView.ACTIVE, deleted: LifecycleView.DELETED, all: LifecycleView.ALL } as const;

/** The experiments of a workspace that pass, page by page. */
export function experimentsQuery(workspace: string, search: ExperimentsSearch) {
  return infiniteQueryOptions({
    // Not by what is selected, which changes no row.
    queryKey: ["experiments", workspace, search.q, search.view, search.order, search.desc],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      tracking.searchExperiments(
        {
          parent: workspaceName(workspace),
          filter: search.q === undefined ? "" : `name ILIKE ${containing(search.q)}`,
          orderBy: search.order === undefined ? "" : `${search.order} ${search.desc === true ? "DESC" : "ASC"}`,
          view: VIEWS[search.view ?? "active"],
          pageSize: PAGE_SIZE,
          pageToken: pageParam,
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });
}

/** What goes on in experiments, by their names, so far as it is known. */
export interface Activities {
  readonly of: ReadonlyMap<string, ExperimentActivity>;
  /** Why nothing is known of some; null where all is well. */
  readonly error: unknown;
}

/** What goes on in the experiments of pages; it comes after the pages, and anew every while. */
export function useActivities(workspace: string, pages: readonly (readonly Experiment[])[]): Activities {
  return useQueries({
    queries: pages.map((page) => {
      const experiments = page.map((each) => each.name);
      return {
        queryKey: ["experiments", workspace, "activity", experiments],
        queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
          tracking.listExperimentActivity({ parent: workspaceName(workspace), experiments }, { signal }),
        enabled: experiments.length > 0,
        refetchInterval: ACTIVITY_EVERY_MS,
        placeholderData: keepPreviousData,
      };
    }),
    combine: (found) => ({
      of: new Map(
        found.flatMap(({ data }) => (data?.activities ?? []).map((each) => [each.experiment, each] as const)),
      ),
      error: found.find(({ error }) => error !== null)?.error ?? null,
    }),
  });
}

/** Changes of experiments; when one is made, what was read of experiments is read again. */
export function useExperimentChanges(workspace: string) {
  const client = useQueryClient();
  const onSuccess = (): Promise<void> => client.invalidateQueries({ queryKey: ["experiments", workspace] });
  return {
    create: useMutation({
      mutationFn: ({ displayName, description }: { readonly displayName: string; readonly description: string }) =>
        tracking.createExperiment({
          parent: workspaceName(workspace),
          experiment: { displayName, description },
          requestId: crypto.randomUUID(),
        }),
      onSuccess,
    }),
    rename: useMutation({
      mutationFn: ({ name, displayName }: Pick<Experiment, "name" | "displayName">) =>
        tracking.updateExperiment({ experiment: { name, displayName }, updateMask: { paths: ["display_name"] } }),
      onSuccess,
    }),
    remove: useMutation({ mutationFn: (name: string) => tracking.deleteExperiment({ name }), onSuccess }),
    restore: useMutation({ mutationFn: (name: string) => tracking.restoreExperiment({ name }), onSuccess }),
    setTag: useMutation({
      mutationFn: ({
        name,
        key,
        value,
      }: {
        readonly name: string;
        readonly key: string;
        readonly value: string | null;
      }) =>
        tracking.setExperimentTags(value === null ? { name, deletedTags: [key] } : { name, tags: { [key]: value } }),
      onSuccess,
    }),
  };
}
