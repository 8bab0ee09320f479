import type { QueryClient } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import type { RunChange } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { RunChangeKind } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { runName, workspaceName } from "~/api/names";
import type { WatchState } from "~/api/watch";
import { watchRuns } from "~/api/watch";
import { curvesKey } from "~/features/run/curves";
import { metricsQuery, withNewer } from "~/features/run/metrics";
import { runKey, runQuery } from "~/features/run/queries";

/** How often charts that have newer points are read again, in milliseconds. */
const REDRAW_MS = 1000;
const OF_RUN: ReadonlySet<RunChangeKind> = new Set([
  RunChangeKind.CREATED,
  RunChangeKind.FIELDS,
  RunChangeKind.PARAMS,
  RunChangeKind.TAGS,
]);

/** Keeps what was read of a run up to date while its page is shown, and says whether it is. */
export function useLiveRun(workspace: string, run: string): WatchState {
  const client = useQueryClient();
  const [state, setState] = useState<WatchState>({ is: "connecting" });
  useEffect(() => {
    const redraw = new Redrawing(client, workspace, run);
    const end = watchRuns(
      { parent: workspaceName(workspace), runs: [runName(workspace, run)] },
      {
        onBegin: () => void client.invalidateQueries({ queryKey: runKey(workspace, run) }),
        onChange: ({ runs, experiments }) => {
          if (experiments.length > 0) void client.invalidateQueries({ queryKey: runQuery(workspace, run).queryKey });
          for (const change of runs) apply(client, workspace, run, change, redraw);
        },
        onState: setState,
      },
    );
    return () => {
      end();
      redraw.end();
    };
  }, [client, workspace, run]);
  return state;
}

function apply(client: QueryClient, workspace: string, run: string, change: RunChange, redraw: Redrawing): void {
  const ofRun = runQuery(workspace, run).queryKey;
  if (change.run !== undefined && change.kinds.some((kind) => OF_RUN.has(kind))) client.setQueryData(ofRun, change.run);
  const { queryKey } = metricsQuery(workspace, run);
  if (change.kinds.includes(RunChangeKind.METRICS_REMOVED)) {
    void client.invalidateQueries({ queryKey });
    redraw.all();
    return;
  }
  if (change.metrics.length === 0) return;
  const known = client.getQueryData(queryKey);
  const newer = known === undefined ? null : withNewer(known, change.metrics);
  if (newer === null) void client.invalidateQueries({ queryKey });
  else client.setQueryData(queryKey, newer);
  redraw.add(change.metrics.map(({ key }) => key));
}

/** Has charts read again, each at most once a second, and never while it is being read: a flood must not starve them. */
class Redrawing {
  readonly #client: QueryClient;
  readonly #all: readonly unknown[];
  readonly #timer: number;
  #keys = new Set<string>();

  constructor(client: QueryClient, workspace: string, run: string) {
    this.#client = client;
    this.#all = curvesKey(workspace, run);
    this.#timer = window.setInterval(() => this.#flush(), REDRAW_MS);
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.#keys.add(key);
  }

  all(): void {
    void this.#client.invalidateQueries({ queryKey: this.#all });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #flush(): void {
    const keys = this.#keys;
    this.#keys = new Set();
    for (const key of keys) {
      const queryKey = [...this.#all, key];
      if (this.#client.isFetching({ queryKey }) > 0) this.#keys.add(key);
      else void this.#client.invalidateQueries({ queryKey });
    }
  }
}
