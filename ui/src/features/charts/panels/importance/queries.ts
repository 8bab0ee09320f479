import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import { LifecycleView } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { workspaceName } from "~/api/names";
import type { ShownRun } from "~/features/charts/panel";
import { axisNamed } from "~/features/charts/panels/axes";
import type { Analysis } from "~/features/charts/panels/importance/analysis";
import { analysisOf, FIGURES, NOTHING } from "~/features/charts/panels/importance/analysis";
import { quoted } from "~/filter/quote";

/** A forest takes the server a second: while runs go on it is asked as often. */
const AGAIN_MS = 15_000;

/** Which params of runs tell a target, which is an axis of a metric. */
export async function ask(
  workspace: string,
  runs: readonly string[],
  target: string,
  signal?: AbortSignal,
): Promise<Analysis> {
  const axis = axisNamed(target);
  if (axis === null || axis.kind === "params" || runs.length === 0) return NOTHING;
  const request = {
    parent: workspaceName(workspace),
    filter: `run_id IN (${runs.map(quoted).join(", ")})`,
    view: LifecycleView.ALL,
    metricKey: axis.key,
    figure: FIGURES[axis.kind],
  };
  return analysisOf(await tracking.readParamImportance(request, signal === undefined ? {} : { signal }));
}

/** The same, asked again when a run has ended, and from time to time while some go on. */
export const analysisQuery = (workspace: string, runs: readonly ShownRun[], target: string) => {
  const ids = runs.map(({ id }) => id);
  const running = runs.filter(({ isRunning }) => isRunning).map(({ id }) => id);
  return queryOptions({
    queryKey: ["charts-importance", workspace, ids, running, target],
    queryFn: ({ signal }) => ask(workspace, ids, target, signal),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    refetchInterval: running.length > 0 ? AGAIN_MS : false,
  });
};
