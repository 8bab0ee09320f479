import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { workspaceName } from "~/api/names";
import { quoted } from "~/filter/quote";

/** Ids of so many runs are asked for at once: what they have is read and sent side by side. */
const CHUNK = 250;
const FIELDS =
  "name display_name experiment status start_time end_time user source git_commit parent_run forked_from params tags metrics".split(
    " ",
  );

/** Runs by their ids, also deleted ones. Ids that no run has are left out. */
export function comparedQuery(workspace: string, ids: readonly string[]) {
  return queryOptions({
    queryKey: ["compared", workspace, ids],
    enabled: ids.length > 0,
    queryFn: async ({ signal }) => {
      const chunks = Array.from({ length: Math.ceil(ids.length / CHUNK) }, (_, place) =>
        ids.slice(place * CHUNK, (place + 1) * CHUNK),
      );
      return (await Promise.all(chunks.map((chunk) => readRuns(workspace, chunk, signal)))).flat();
    },
    // As it was read, without a look for what stays the same in ten thousands of values.
    structuralSharing: false,
  });
}

async function readRuns(workspace: string, ids: readonly string[], signal: AbortSignal): Promise<Run[]> {
  const runs: Run[] = [];
  let pageToken = "";
  do {
    const page = await tracking.searchRuns(
      {
        parent: workspaceName(workspace),
        filter: `run_id IN (${ids.map(quoted).join(", ")})`,
        view: LifecycleView.ALL,
        pageSize: CHUNK,
        readMask: { paths: FIELDS },
        pageToken,
      },
      { signal },
    );
    runs.push(...page.runs);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return runs;
}

const FOUND_PAGE = 100;

/** Runs to choose from: the newest that pass a filter, page by page, by name and status. */
export function foundQuery(workspace: string, experiments: readonly string[], filter: string) {
  return infiniteQueryOptions({
    queryKey: ["runs to compare", workspace, experiments, filter],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      tracking.searchRuns(
        {
          parent: workspaceName(workspace),
          experiments: [...experiments],
          filter,
          pageSize: FOUND_PAGE,
          pageToken: pageParam,
          readMask: { paths: ["name", "display_name", "status", "stale", "start_time", "experiment"] },
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });
}

/** The display names of experiments by their resource names, sorted; as many as fit into a list. */
export function experimentNamesQuery(workspace: string) {
  return queryOptions({
    queryKey: ["experiment names", workspace],
    queryFn: async ({ signal }) => {
      const page = await tracking.searchExperiments(
        { parent: workspaceName(workspace), orderBy: "name", pageSize: 1000 },
        { signal },
      );
      return new Map(page.experiments.map((each) => [each.name, each.displayName]));
    },
    structuralSharing: false,
  });
}
