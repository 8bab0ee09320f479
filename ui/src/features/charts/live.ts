import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useRef, useState } from "react";

import type { RunChange, WatchRunsResponse } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { RunChangeKind } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { idOf, runName } from "~/api/names";
import type { WatchState } from "~/api/watch";
import { watchRuns } from "~/api/watch";
import { ChangeLog, NO_CHANGES } from "~/features/charts/changes";
import type { Changes, Needs } from "~/features/charts/panel";
import { chartsKey, isNarrowed, metricKeysKey, reading, runsKey, totalKey } from "~/features/charts/queries";
import type { FoundRun } from "~/features/charts/runs";
import { toFoundRun, valuesOf } from "~/features/charts/runs";
import type { RunsChoice } from "~/shared/runs/choice";
import type { Scope } from "~/shared/runs/queries";
import { within } from "~/shared/runs/queries";
import { Store } from "~/shared/Store";

/** How often panels are told of newer values, in milliseconds. */
const TELL_MS = 1000;
/** How often runs are searched again that may pass by now, or no more. */
const SEARCH_MS = 2000;

interface Watched {
  readonly scope: Scope;
  readonly choice: RunsChoice;
  readonly needs: Needs;
  /** The runs that were found, and the keys of metrics that have panels. */
  readonly runs: readonly FoundRun[];
  readonly keys: readonly string[];
  /** Whether the runs were read, so that there is something to keep up to date. */
  readonly isReady: boolean;
}

/** Keeps what was read of the runs of the page as they are by now, by one watch, and tells panels what changed. */
export function useLiveCharts({ scope, choice, needs, runs, keys, isReady }: Watched): {
  /** In a store: it changes with each message. */
  readonly state: Store<WatchState>;
  readonly changes: Changes;
} {
  const client = useQueryClient();
  const [state] = useState(() => new Store<WatchState>({ is: "connecting" }));
  const [changes, setChanges] = useState(NO_CHANGES);
  const log = useRef(new ChangeLog());
  const isSearchDue = useRef(false);

  const apply = useEffectEvent((message: WatchRunsResponse): void => {
    const known = new Map(runs.map((run) => [run.id, run]));
    const patched = new Map<string, FoundRun>();
    for (const change of message.runs) {
      const id = idOf(change.run?.name ?? "");
      const run = known.get(id);
      if (mayMove(change, choice)) isSearchDue.current = true;
      if (run === undefined) continue;
      if (change.kinds.includes(RunChangeKind.METRICS_REMOVED)) log.current.addCut(id);
      log.current.add(
        id,
        change.metrics.map(({ key }) => key),
      );
      const next = changed(run, change, needs);
      if (next !== run) patched.set(id, next);
    }
    if (patched.size > 0) {
      client.setQueriesData<readonly FoundRun[]>({ queryKey: runsKey(scope) }, (found) =>
        found?.map((run) => patched.get(run.id) ?? run),
      );
    }
    const panels = new Set(keys);
    // Where only some runs are shown, the keys of others make no panels.
    const those = isNarrowed(choice)
      ? message.runs.filter(({ run }) => known.has(idOf(run?.name ?? "")))
      : message.runs;
    if (those.some((change) => change.metrics.some(({ key }) => !panels.has(key)))) {
      void client.invalidateQueries({ queryKey: metricKeysKey(scope) }, { cancelRefetch: false });
    }
    if (message.experiments.length > 0) void client.invalidateQueries({ queryKey: chartsKey(scope) });
  });

  const begin = useEffectEvent((): void => {
    // What was read before the watch began may lack what came meanwhile.
    log.current.addAll(runs.flatMap((run) => (run.isRunning ? [run.id] : [])));
    void client.invalidateQueries({ queryKey: runsKey(scope) });
  });

  const selected = choice.selected?.join(",") ?? "";
  const start = useEffectEvent((scope: Scope, needs: Needs, selected: string): (() => void) => {
    const { parent, experiments } = within(scope);
    const ids = selected === "" ? [] : selected.split(",");
    const { readMask, paramKeys, tagKeys } = reading(needs);
    const end = watchRuns(
      {
        parent,
        // Where some are selected, no others are shown.
        ...(ids.length === 0 ? { experiments } : { runs: ids.map((id) => runName(scope.workspace, id)) }),
        // Of all metrics: others than those that have panels may come.
        fields: [...new Set([...readMask.paths, "metrics"])],
        paramKeys,
        tagKeys,
      },
      { onState: state.put, onBegin: begin, onChange: apply },
    );
    return () => void end();
  });

  useEffect(() => (isReady ? start(scope, needs, selected) : undefined), [scope, needs, selected, isReady]);

  useEffect(() => {
    const timer = setInterval(() => {
      const next = log.current.next();
      if (next !== null) setChanges(next);
    }, TELL_MS);
    return () => clearInterval(timer);
  }, []);

  const searchAgain = useEffectEvent((): void => {
    if (!isSearchDue.current || client.isFetching({ queryKey: runsKey(scope) }) > 0) return;
    isSearchDue.current = false;
    void client.invalidateQueries({ queryKey: runsKey(scope) });
    void client.invalidateQueries({ queryKey: totalKey(scope) });
  });
  useEffect(() => {
    const timer = setInterval(() => searchAgain(), SEARCH_MS);
    return () => clearInterval(timer);
  }, []);

  return { state, changes };
}

/** Whether a run may pass after a change that did not, or the reverse, or has values that the change does not tell. */
function mayMove({ kinds }: RunChange, choice: RunsChoice): boolean {
  if (kinds.includes(RunChangeKind.CREATED)) return true;
  const isOfMetrics = kinds.every((kind) => kind === RunChangeKind.METRICS);
  if (isOfMetrics) return choice.filter?.includes("metric") === true;
  return (
    isNarrowed(choice) || kinds.some((kind) => kind === RunChangeKind.FIELDS || kind === RunChangeKind.METRICS_REMOVED)
  );
}

/** A run after a change of it, with what panels need. */
function changed(run: FoundRun, change: RunChange, { metrics }: Needs): FoundRun {
  const isOfMetrics = change.kinds.every((kind) => kind === RunChangeKind.METRICS);
  const base = change.run === undefined || isOfMetrics ? run : { ...toFoundRun(change.run), metrics: run.metrics };
  const newer = change.metrics.filter(({ key }) => metrics === "all" || metrics.includes(key));
  return newer.length === 0 ? base : { ...base, metrics: new Map([...run.metrics, ...valuesOf(newer)]) };
}
