import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { artifacts, registry, tracking } from "~/api/clients";
import { failureOf } from "~/api/errors";
import { readBytes } from "~/api/files";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { experimentName, idOf, runName, workspaceName } from "~/api/names";
import { quoted } from "~/filter/quote";
import { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { CAPTURED } from "~/shared/captured/captured";

const SMALL_PAGE = 50;
/** All of a run but its metrics, which have pages of their own. */
const FIELDS = (
  "name experiment display_name status start_time end_time user created_by source git_commit parent_run description " +
  "params tags state create_time update_time delete_time etag forked_from last_write_time begun_time stale inputs outputs"
).split(" ");
/** What a row of another run shows. */
const ROW_FIELDS = ["name", "display_name", "status", "stale", "start_time", "end_time"];

/** What a run is named in the cache: everything that was read of it is below. */
export const runKey = (workspace: string, run: string): readonly string[] => ["run", workspace, run];

export const runQuery = (workspace: string, run: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "itself"],
    queryFn: ({ signal }) =>
      tracking.getRun({ name: runName(workspace, run), readMask: { paths: FIELDS } }, { signal }),
  });

export const experimentOf = (workspace: string, run: Run) =>
  queryOptions({
    queryKey: ["experiment", workspace, idOf(run.experiment)],
    queryFn: ({ signal }) =>
      tracking.getExperiment({ name: experimentName(workspace, idOf(run.experiment)) }, { signal }),
  });

/** What a run is called that another one refers to; null where it is gone. */
export const displayNameOf = (workspace: string, run: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "displayName"],
    queryFn: async ({ signal }): Promise<string | null> => {
      try {
        return (
          await tracking.getRun({ name: runName(workspace, run), readMask: { paths: ["display_name"] } }, { signal })
        ).displayName;
      } catch (error) {
        if (failureOf(error).isMissing) return null;
        throw error;
      }
    },
  });

/** The runs that are nested in a run, or were forked from it, page by page. */
export const relatedRuns = (workspace: string, run: string, how: "parent_run_id" | "forked_from_run_id") =>
  infiniteQueryOptions({
    queryKey: [...runKey(workspace, run), how],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      tracking.searchRuns(
        {
          parent: workspaceName(workspace),
          filter: `${how} = ${quoted(run)}`,
          view: LifecycleView.ACTIVE,
          readMask: { paths: ROW_FIELDS },
          pageSize: SMALL_PAGE,
          pageToken: pageParam,
          countTotal: pageParam === "",
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });

/** The versions of models that were made of a run. */
export const versionsOf = (workspace: string, run: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "versions"],
    queryFn: ({ signal }) =>
      registry.searchModelVersions(
        { parent: workspaceName(workspace), filter: `run_id = ${quoted(run)}`, pageSize: SMALL_PAGE },
        { signal },
      ),
  });

/** The logged models that a run made. */
export const modelsOf = (workspace: string, run: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "models"],
    queryFn: ({ signal }) =>
      tracking.searchLoggedModels(
        {
          parent: workspaceName(workspace),
          filter: `source_run_id = ${quoted(run)}`,
          readMask: { paths: ["name", "display_name", "model_type", "status", "create_time", "experiment"] },
          pageSize: SMALL_PAGE,
        },
        { signal },
      ),
  });

/** The paths of what was captured at the start of a run: its source, its diff, its environment. */
export const capturedFiles = (workspace: string, run: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "captured"],
    queryFn: async ({ signal }) => {
      const owner = runName(workspace, run);
      const { artifacts: found } = await artifacts.listArtifacts(
        { owner, path: CAPTURED, recursive: true },
        { signal },
      );
      return found.map(({ path }) => path);
    },
  });

/** The text of a file of a run. */
export const textOf = (workspace: string, run: string, path: string) =>
  queryOptions({
    queryKey: [...runKey(workspace, run), "text", path],
    queryFn: async ({ signal }) =>
      new TextDecoder().decode(await readBytes({ owner: runName(workspace, run), path }, {}, signal)),
  });

/** Changes of a run. What was read of it is read again where the answer does not have it. */
export function useRunChanges(workspace: string, run: string) {
  const client = useQueryClient();
  const name = runName(workspace, run);
  const readMask = { paths: FIELDS };
  const onSuccess = (): Promise<void> => client.invalidateQueries({ queryKey: runQuery(workspace, run).queryKey });
  const update = (fields: { readonly displayName?: string; readonly description?: string }, path: string) =>
    tracking.updateRun({ run: { name, ...fields }, updateMask: { paths: [path] }, readMask });
  return {
    rename: useMutation({ mutationFn: (displayName: string) => update({ displayName }, "display_name"), onSuccess }),
    describe: useMutation({ mutationFn: (description: string) => update({ description }, "description"), onSuccess }),
    setTag: useMutation({
      mutationFn: ({ key, value }: { readonly key: string; readonly value: string | null }) =>
        tracking.writeRun(
          value === null
            ? { run: name, deletedTags: [key], atomic: true }
            : { run: name, tags: [{ key, value }], atomic: true },
        ),
      onSuccess,
    }),
    remove: useMutation({ mutationFn: () => tracking.deleteRun({ name }), onSuccess }),
    restore: useMutation({ mutationFn: () => tracking.restoreRun({ name }), onSuccess }),
  };
}
