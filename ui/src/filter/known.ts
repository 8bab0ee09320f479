/** What the server knows for completions: keys that runs have, and values that they have lately. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { RunKeyKind } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import { experimentName, workspaceName } from "~/api/names";
import type { Asked } from "~/filter/asked";
import type { Known } from "~/filter/complete";
import { KEYED } from "~/filter/complete";
import { quotedKey } from "~/filter/quote";
import type { Entity, Key } from "~/filter/vocabulary";

/** Where the runs are that are searched. */
export interface FilterScope {
  readonly workspace: string;
  /** Ids; none stands for all. */
  readonly experiments: readonly string[];
}

const KINDS = { metrics: RunKeyKind.METRIC, params: RunKeyKind.PARAM, tags: RunKeyKind.TAG } as const;
const MOST_KEYS = 50;
const MOST_TYPED = 250;
const LATEST_RUNS = 100;
const FRESH_MS = 30_000;

const FIELDS: Readonly<Record<string, { readonly path: string; readonly of: (run: Run) => string }>> = {
  run_name: { path: "display_name", of: (run) => run.displayName },
  user_id: { path: "user", of: (run) => run.user },
  created_by: { path: "created_by", of: (run) => run.createdBy },
  source: { path: "source", of: (run) => run.source },
  git_commit: { path: "git_commit", of: (run) => run.gitCommit },
};

export function useKnown(scope: FilterScope, asked: Asked | null): Known {
  const typed = (asked?.typed ?? "").slice(0, MOST_TYPED);
  const kinds = KEYED.filter((each) => isAskedFor(each, asked));
  const found = useQueries({
    queries: kinds.map((entity) => ({
      queryKey: ["filter", "keys", scope, entity, typed],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        tracking.listRunKeys(
          { ...parts(scope), kind: KINDS[entity], contains: typed, pageSize: MOST_KEYS },
          { signal },
        ),
      staleTime: FRESH_MS,
      placeholderData: keepPreviousData,
    })),
  });
  const keys = new Map<Entity, readonly string[]>(kinds.map((each, place) => [each, found[place]?.data?.keys ?? []]));
  const key = asked !== null && isValue(asked) ? asked.key : null;
  const values = useQuery({
    queryKey: ["filter", "values", scope, key],
    queryFn: ({ signal }) => (key === null ? [] : latestValues(scope, key, signal)),
    enabled: key !== null && (key.entity === "params" || key.entity === "tags" || FIELDS[key.name] !== undefined),
    staleTime: FRESH_MS,
  });
  return { keys, values: values.data ?? [] };
}

const isAskedFor = (entity: Entity, asked: Asked | null): boolean =>
  asked !== null && (asked.place === "name" ? asked.typed !== "" : asked.place === "key" && asked.entity === entity);

const isValue = ({ place }: Asked): boolean => place === "value" || place === "member";

const parts = ({ workspace, experiments }: FilterScope) => ({
  parent: workspaceName(workspace),
  experiments: experiments.map((id) => experimentName(workspace, id)),
});

/** What the newest runs have under a key, sorted. */
async function latestValues(scope: FilterScope, key: Key, signal: AbortSignal): Promise<string[]> {
  const field = FIELDS[key.name];
  const isParam = key.entity === "params";
  const page = await tracking.searchRuns(
    key.entity === "attributes"
      ? { ...parts(scope), pageSize: LATEST_RUNS, readMask: { paths: [field?.path ?? "name"] } }
      : {
          ...parts(scope),
          filter: `${key.entity}.${quotedKey(key.name)} IS NOT NULL`,
          pageSize: LATEST_RUNS,
          readMask: { paths: [isParam ? "params" : "tags"] },
          ...(isParam ? { paramKeys: [key.name] } : { tagKeys: [key.name] }),
        },
    { signal },
  );
  const valueOf = (run: Run): string =>
    (key.entity === "attributes" ? field?.of(run) : (isParam ? run.params : run.tags)[key.name]) ?? "";
  return [...new Set(page.runs.map(valueOf))].filter((each) => each !== "").toSorted();
}
