import type { MessageInitShape } from "@bufbuild/protobuf";
import type { QueryClient } from "@tanstack/react-query";
import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";

import { registry, tracking } from "~/api/clients";
import { hexOf } from "~/api/digests";
import { failureOf } from "~/api/errors";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { ModelVersionState } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRequestSchema, PromotionRequestState } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { idOf, modelName, versionName, workspaceName } from "~/api/names";
import { toTimestamp } from "~/api/times";
import { modelsFilter } from "~/features/models/modelsFilter";
import type { ModelSearch, ModelsSearch } from "~/features/models/search";
import { quoted } from "~/filter/quote";

const PAGE_SIZE = 200;
const LARGE_PAGE_SIZE = 1000;
/** How often what is shown is read again: somebody else, or a program, may change it. */
const AGAIN_MS = 10_000;
/** The same while the files of a version are being linked. */
const SOON_MS = 1_000;

const root = (workspace: string): readonly string[] => ["models", workspace];

/** The models that pass a search, page by page. */
export const modelsQuery = (workspace: string, search: ModelsSearch) =>
  infiniteQueryOptions({
    queryKey: [...root(workspace), "search", search],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      registry.searchModels(
        {
          parent: workspaceName(workspace),
          filter: modelsFilter(search.q ?? ""),
          orderBy: search.order === undefined ? "" : `${search.order} ${direction(search.desc)}`,
          withLatestVersions: true,
          pageSize: PAGE_SIZE,
          pageToken: pageParam,
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: AGAIN_MS,
  });

/** A model, with the newest version in each stage. */
export const modelQuery = (workspace: string, model: string) =>
  queryOptions({
    queryKey: [...root(workspace), "model", model],
    queryFn: ({ signal }) =>
      registry.getModel({ name: modelName(workspace, model), withLatestVersions: true }, { signal }),
    refetchInterval: AGAIN_MS,
  });

/** The versions of a model, page by page. */
export const versionsQuery = (
  workspace: string,
  model: string,
  { stage, order = "version_number", desc = true }: Pick<ModelSearch, "stage" | "order" | "desc">,
) =>
  infiniteQueryOptions({
    queryKey: [...root(workspace), "versions", model, stage, order, desc],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      registry.searchModelVersions(
        {
          parent: workspaceName(workspace),
          filter: `name = ${quoted(model)}${stage === undefined ? "" : ` AND stage = ${quoted(stage)}`}`,
          orderBy: `${order} ${direction(desc)}`,
          pageSize: PAGE_SIZE,
          pageToken: pageParam,
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: AGAIN_MS,
  });

/** One version of a model. */
export const versionQuery = (workspace: string, model: string, version: number) =>
  queryOptions({
    queryKey: [...root(workspace), "version", model, version],
    queryFn: ({ signal }) => registry.getModelVersion({ name: versionName(workspace, model, version) }, { signal }),
    refetchInterval: ({ state }) => (state.data?.state === ModelVersionState.PENDING ? SOON_MS : AGAIN_MS),
  });

/** The versions of all models that were made by a run, and those that are copies of a version. */
export const relativesQuery = (workspace: string, version: ModelVersion) => {
  const owner = quoted(version.artifactOwner);
  const below = quoted(`${version.artifactOwner.replace(/[\\%_]/g, "\\$&")}/%`);
  const clauses = [
    ...(version.artifactOwner === "" ? [] : [`source_path = ${owner}`, `source_path LIKE ${below}`]),
    ...((version.source?.run ?? "") === "" ? [] : [`run_id = ${quoted(idOf(version.source?.run ?? ""))}`]),
  ];
  return queryOptions({
    queryKey: [...root(workspace), "relatives", version.name, version.artifactOwner],
    enabled: clauses.length > 0,
    queryFn: ({ signal }) =>
      registry.searchModelVersions(
        { parent: workspaceName(workspace), filter: clauses.join(" OR "), pageSize: PAGE_SIZE },
        { signal },
      ),
  });
};

/** The stages of a workspace, and what is protected. */
export const rulesQuery = (workspace: string) =>
  queryOptions({
    queryKey: [...root(workspace), "rules"],
    queryFn: ({ signal }) => registry.getPromotionRules({ workspace: workspaceName(workspace) }, { signal }),
  });

/** What somebody asked for, the newest first: of a model where it is not empty, in a state where it is not UNSPECIFIED. */
export const promotionRequestsQuery = (workspace: string, model: string, state: PromotionRequestState) =>
  infiniteQueryOptions({
    queryKey: [...root(workspace), "promotion requests", model, state],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      registry.listPromotionRequests(
        {
          parent: workspaceName(workspace),
          model: model === "" ? "" : modelName(workspace, model),
          state,
          pageSize: PAGE_SIZE,
          pageToken: pageParam,
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: AGAIN_MS,
  });

/** What happened to a model, the newest first; of one version where it is not 0. */
export const historyQuery = (workspace: string, model: string, version: number) =>
  infiniteQueryOptions({
    queryKey: [...root(workspace), "history", model, version],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      registry.listModelHistory(
        {
          name: modelName(workspace, model),
          version: BigInt(version),
          newestFirst: true,
          pageSize: LARGE_PAGE_SIZE,
          pageToken: pageParam,
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });

/** How a model stood at a time, in milliseconds since the Unix epoch. */
export const asOfQuery = (workspace: string, model: string, at: number) =>
  queryOptions({
    queryKey: [...root(workspace), "as of", model, at],
    queryFn: ({ signal }) =>
      registry.getModelAsOf({ name: modelName(workspace, model), time: toTimestamp(at) }, { signal }),
  });

/** An entry of a history that somebody kept elsewhere. */
export interface KnownEntry {
  readonly sequence: bigint;
  readonly sha256: Uint8Array<ArrayBuffer>;
}

/** What a comparison of a model with its history, and with a known entry, finds: looked up anew each time. */
export const verificationQuery = (workspace: string, model: string, known: KnownEntry | null) =>
  queryOptions({
    queryKey: [
      ...root(workspace),
      "verification",
      model,
      known === null ? "" : `${known.sequence} ${hexOf(known.sha256)}`,
    ],
    queryFn: ({ signal }) =>
      registry.verifyModel(
        {
          name: modelName(workspace, model),
          ...(known === null ? {} : { knownSequence: known.sequence, knownSha256: known.sha256 }),
        },
        { signal },
      ),
    staleTime: 0,
    gcTime: 0,
  });

/** Some versions of a model, in the order asked for. */
export const chosenVersionsQuery = (workspace: string, model: string, versions: readonly number[]) =>
  queryOptions({
    queryKey: [...root(workspace), "chosen", model, versions],
    queryFn: ({ signal }) =>
      Promise.all(
        versions.map((version) =>
          registry.getModelVersion({ name: versionName(workspace, model, version) }, { signal }),
        ),
      ),
  });

/** Runs side by side, without those that are gone by now. */
export const comparedRunsQuery = (workspace: string, runs: readonly string[]) =>
  queryOptions({
    queryKey: ["compared runs", workspace, runs],
    enabled: runs.length > 0,
    queryFn: async ({ signal }) => {
      const there = await Promise.all(runs.map((run) => isThere(run, signal)));
      const left = runs.filter((_, place) => there[place]);
      const compared =
        left.length === 0
          ? null
          : await tracking.compareRuns({ parent: workspaceName(workspace), runs: [...left] }, { signal });
      return { runs: left, compared };
    },
  });

async function isThere(name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await tracking.getRun({ name, readMask: { paths: ["name"] } }, { signal });
    return true;
  } catch (error) {
    if (failureOf(error).isMissing) return false;
    throw error;
  }
}

/** The run that made a version, and its experiment; null where it is gone. */
export const sourceRunQuery = (run: string) =>
  queryOptions({
    queryKey: ["source run", run],
    enabled: run !== "",
    queryFn: async ({ signal }) => {
      try {
        const found = await tracking.getRun({ name: run }, { signal });
        const experiment = await tracking.getExperiment({ name: found.experiment }, { signal });
        return { run: found, experiment };
      } catch (error) {
        if (failureOf(error).isMissing) return null;
        throw error;
      }
    },
  });

const direction = (desc: boolean | undefined): string => (desc === true ? "DESC" : "ASC");

/** Changes of what is registered. After each, also one that failed, what was read of models is read again. Where somebody
 * else was faster, it is so before the failure is told: whoever tries again does it with what there is now. */
export function useRegistryChanges(workspace: string) {
  const client = useQueryClient();
  return {
    createModel: (id: string, description: string) =>
      changed(
        client,
        workspace,
        registry.createModel({
          parent: workspaceName(workspace),
          modelId: id,
          model: { description },
          requestId: crypto.randomUUID(),
        }),
      ),
    describeModel: (name: string, description: string, etag: string) =>
      changed(
        client,
        workspace,
        registry.updateModel({ model: { name, description, etag }, updateMask: { paths: ["description"] } }),
      ),
    tagModel: (name: string, key: string, value: string | null) =>
      changed(client, workspace, registry.setModelTags({ name, ...tagChange(key, value) })),
    setAlias: (change: { name: string; alias: string; version: bigint; etag: string; reason: string }) =>
      changed(client, workspace, registry.setModelAlias(change)),
    deleteAlias: (change: { name: string; alias: string; etag: string; reason: string }) =>
      changed(client, workspace, registry.deleteModelAlias(change)),
    describeVersion: (name: string, description: string, etag: string) =>
      changed(
        client,
        workspace,
        registry.updateModelVersion({
          modelVersion: { name, description, etag },
          updateMask: { paths: ["description"] },
        }),
      ),
    tagVersion: (name: string, key: string, value: string | null) =>
      changed(client, workspace, registry.setModelVersionTags({ name, ...tagChange(key, value) })),
    moveVersion: (change: {
      name: string;
      stage: string;
      archiveExistingVersions: boolean;
      etag: string;
      reason: string;
    }) =>
      changed(client, workspace, registry.transitionModelVersionStage({ ...change, requestId: crypto.randomUUID() })),
    askForStage: (asked: {
      model: string;
      version: bigint;
      stage: string;
      archiveExistingVersions: boolean;
      reason: string;
    }) =>
      ask(client, workspace, asked.model, asked.reason, {
        case: "stageMove",
        value: {
          version: asked.version,
          stage: asked.stage,
          archiveExistingVersions: asked.archiveExistingVersions,
        },
      }),
    /** Version 0: that the alias is removed. */
    askForAlias: (asked: { model: string; alias: string; version: bigint; reason: string }) =>
      ask(client, workspace, asked.model, asked.reason, {
        case: "aliasMove",
        value: { alias: asked.alias, version: asked.version },
      }),
    approve: (name: string, reason: string) =>
      changed(client, workspace, registry.approvePromotionRequest({ name, reason })),
    reject: (name: string, reason: string) =>
      changed(client, workspace, registry.rejectPromotionRequest({ name, reason })),
    withdraw: (name: string, reason: string) =>
      changed(client, workspace, registry.withdrawPromotionRequest({ name, reason })),
    copyVersion: (name: string, destination: string) =>
      changed(
        client,
        workspace,
        registry.copyModelVersion({
          name,
          destinationModel: modelName(workspace, destination),
          requestId: crypto.randomUUID(),
        }),
      ),
    /** What follows leaves the page of the model, which is not there any more under its name. */
    renameModel: (name: string, newModelId: string, reason: string) =>
      left(client, workspace, registry.renameModel({ name, newModelId, reason, requestId: crypto.randomUUID() })),
    deleteModel: (change: { name: string; etag: string; reason: string }) =>
      left(client, workspace, registry.deleteModel(change)),
    deleteVersion: (change: { name: string; etag: string; reason: string }) =>
      left(client, workspace, registry.deleteModelVersion(change)),
  };
}

type AskedChange = MessageInitShape<typeof PromotionRequestSchema>["change"];

const ask = (client: QueryClient, workspace: string, model: string, reason: string, change: NonNullable<AskedChange>) =>
  changed(
    client,
    workspace,
    registry.createPromotionRequest({
      parent: workspaceName(workspace),
      promotionRequest: { model: modelName(workspace, model), reason, change },
      requestId: crypto.randomUUID(),
    }),
  );

const tagChange = (key: string, value: string | null) =>
  value === null ? { deletedTags: [key] } : { tags: { [key]: value } };

async function changed<T>(client: QueryClient, workspace: string, call: Promise<T>): Promise<T> {
  const reread = (): Promise<void> => client.invalidateQueries({ queryKey: [...root(workspace)] });
  try {
    const answer = await call;
    await reread();
    return answer;
  } catch (error) {
    if (failureOf(error).reason === "ETAG_STALE") await reread();
    else void reread();
    throw error;
  }
}

/** A change after which the page goes elsewhere: what is still shown of it is not asked for again. */
async function left<T>(client: QueryClient, workspace: string, call: Promise<T>): Promise<T> {
  try {
    const answer = await call;
    void client.invalidateQueries({ queryKey: [...root(workspace)], refetchType: "none" });
    return answer;
  } catch (error) {
    void client.invalidateQueries({ queryKey: [...root(workspace)] });
    throw error;
  }
}
