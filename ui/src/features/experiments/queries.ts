import { infiniteQueryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { workspaceName } from "~/api/names";
import type { ExperimentsSearch } from "~/features/experiments/search";
import { containing } from "~/filter/quote";

const PAGE_SIZE = 200;
const VIEWS = { active: LifecycleView.ACTIVE, deleted: LifecycleView.DELETED, all: LifecycleView.ALL } as const;

/** The experiments of a workspace that pass, page by page. */
export function experimentsQuery(workspace: string, search: ExperimentsSearch) {
  return infiniteQueryOptions({
    queryKey: ["experiments", workspace, search],
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
