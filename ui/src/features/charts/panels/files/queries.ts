import { queryOptions } from "@tanstack/react-query";

import { artifacts } from "~/api/clients";
import { failureOf } from "~/api/errors";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import type { ShownRun } from "~/features/charts/panel";
import { seriesIn } from "~/features/charts/panels/files/series";

const PAGE_SIZE = 1000;
/** Of a run that has ended, files are rarely added. */
export const FILES_FRESH_MS = 30_000;
/** Nothing tells of files that a run adds: so often it is asked for them while it goes on. */
export const FILES_AGAIN_MS = 10_000;

/** The series of files that a run has in a folder, by their keys. */
export const seriesQuery = (run: ShownRun, folder: string) =>
  queryOptions({
    queryKey: ["charts-series", run.name, folder],
    queryFn: async ({ signal }) => seriesIn((await filesIn(run.name, folder, signal)).map(({ path }) => path)),
    staleTime: FILES_FRESH_MS,
    refetchInterval: run.isRunning ? FILES_AGAIN_MS : false,
    structuralSharing: false,
  });

async function filesIn(owner: string, path: string, signal: AbortSignal): Promise<Artifact[]> {
  const found: Artifact[] = [];
  let pageToken = "";
  try {
    do {
      const page = await artifacts.listArtifacts({ owner, path, pageSize: PAGE_SIZE, pageToken }, { signal });
      found.push(...page.artifacts);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  } catch (error) {
    if (!failureOf(error).isMissing) throw error;
  }
  return found;
}
