import type { InfiniteData } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useRef, useState } from "react";

import type { RunChange, WatchRunsResponse } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { RunChangeKind } from "~/api/gen/trivet/tracking/v1/watch_pb";
import { idOf } from "~/api/names";
import type { WatchState } from "~/api/watch";
import { watchRuns } from "~/api/watch";
import type { Reading } from "~/features/runs/columns";
import { isNested } from "~/features/runs/nesting";
import type { RunsPage } from "~/features/runs/queries";
import { askedBy, rowsKey, rowsOf } from "~/features/runs/queries";
import type { RunRow } from "~/features/runs/rows";
import { changed } from "~/features/runs/rows";
import type { RunsSearch } from "~/features/runs/search";
import { settled } from "~/features/runs/settle";
import { isFiltered } from "~/shared/runs/filters";
import type { Scope } from "~/shared/runs/queries";
import { within } from "~/shared/runs/queries";

/** Kinds of changes after which a run may pass that did not, or the reverse, also where nothing filters. */
const OF_PLACE: ReadonlySet<RunChangeKind> = new Set([
  RunChangeKind.CREATED,
  RunChangeKind.FIELDS,
  RunChangeKind.METRICS_REMOVED,
]);
const RECHECK_EVERY_MS = 1000;
const MOST_RECHECKED = 500;

export interface Live {
  readonly state: WatchState;
  /** How many new runs pass that are not shown: where they stand in the order is the server's to know. */
  readonly waiting: number;
  /** Reads the rows anew, with those that wait. */
  readonly showWaiting: () => void;
  /** Looks at some runs again, such as after they were changed here. */
  readonly recheck: (ids: readonly string[]) => Promise<void>;
}

/** Keeps the rows that were read as the runs are by now. `scope` and `read` stay the same objects while they mean the same. */
export function useLiveRuns(scope: Scope, search: RunsSearch, read: Reading, isReady: boolean): Live {
  const client = useQueryClient();
  const [state, setState] = useState<WatchState>({ is: "connecting" });
  const asked = askedBy(search);
  const [missed, setMissed] = useState({ asked, ids: new Set<string>() });
  const waiting = missed.asked === asked ? missed.ids : new Set<string>();
  const due = useRef(new Set<string>());
  const created = useRef(new Set<string>());
  const place = useRef({ of: "", resumeToken: "" });
  const rows = rowsKey(scope, read);
  const isNewestFirst = search.order === undefined || (search.order === "created" && search.desc === true);

  const recheck = async (ids: readonly string[]): Promise<void> => {
    const passing = await rowsOf(scope, search, read, ids);
    const key = [...rows, "pages", asked];
    const data = client.getQueryData<InfiniteData<RunsPage>>(key);
    if (data === undefined) return;
    const after = settled(data.pages, new Set(ids), passing, isNewestFirst);
    client.setQueryData<InfiniteData<RunsPage>>(key, { ...data, pages: [...after.pages] });
    const isNew = after.waiting.filter((id) => created.current.has(id));
    for (const id of ids) created.current.delete(id);
    if (isNew.length > 0) setMissed({ asked, ids: new Set([...waiting, ...isNew]) });
    if (after.isOther || isNew.length > 0) {
      await client.invalidateQueries({ queryKey: ["runs-total", scope.workspace, scope.experiments] });
    }
  };
  const recheckDue = useEffectEvent(recheck);

  /** Applies what the changes say at once, and remembers the runs whose place they may change. */
  const apply = useEffectEvent((message: WatchRunsResponse): void => {
    const changes = new Map(message.runs.map((change) => [idOf(change.run?.name ?? ""), change]));
    client.setQueriesData<InfiniteData<RunsPage>>({ queryKey: [...rows, "pages"] }, (data) =>
      data === undefined ? data : { ...data, pages: data.pages.map((page) => patched(page, changes)) },
    );
    client.setQueriesData<readonly RunRow[]>({ queryKey: [...rows, "nested"] }, (nested) =>
      nested === undefined ? nested : patchedRows(nested, changes),
    );
    for (const [id, { run, kinds }] of changes) {
      const isOfPlace = kinds.some((kind) => OF_PLACE.has(kind));
      if (kinds.includes(RunChangeKind.CREATED)) created.current.add(id);
      if (isOfPlace || isFiltered(search)) due.current.add(id);
      if (isOfPlace && isNested(search) && run !== undefined && run.parentRun !== "") {
        void client.invalidateQueries({ queryKey: [...rows, "nested", idOf(run.parentRun)] });
        void client.invalidateQueries({ queryKey: ["runs-nested", scope.workspace] });
        void client.invalidateQueries({ queryKey: ["runs-parents", scope.workspace] });
      }
    }
    if (message.experiments.length > 0) {
      void client.invalidateQueries({ queryKey: rows });
      void client.invalidateQueries({ queryKey: ["experiment", scope.workspace] });
    }
  });

  const readAgain = useEffectEvent(async (): Promise<void> => {
    // What is being read may have been asked for before the watch began.
    const isReading = client.isFetching({ queryKey: rows }) > 0;
    await client.invalidateQueries({ queryKey: rows }, { cancelRefetch: false });
    if (isReading) await client.invalidateQueries({ queryKey: rows });
  });

  const start = useEffectEvent((scope: Scope, read: Reading) => {
    const of = JSON.stringify(scope);
    const { parent, experiments } = within(scope);
    const { resumeToken } = place.current.of === of ? place.current : { resumeToken: "" };
    const end = watchRuns(
      { parent, experiments, ...read },
      { onState: setState, onBegin: () => void readAgain(), onChange: apply },
      resumeToken,
    );
    return () => {
      place.current = { of, resumeToken: end() };
    };
  });

  useEffect(() => (isReady ? start(scope, read) : undefined), [scope, read, isReady]);

  useEffect(() => {
    let isBusy = false;
    const timer = setInterval(() => {
      const ids = [...due.current].slice(0, MOST_RECHECKED);
      if (ids.length === 0 || isBusy) return;
      isBusy = true;
      for (const id of ids) due.current.delete(id);
      recheckDue(ids)
        .catch(() => {
          // The server is away, which the watch says too.
          for (const id of ids) due.current.add(id);
        })
        .finally(() => {
          isBusy = false;
        });
    }, RECHECK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);

  return {
    state,
    waiting: waiting.size,
    showWaiting: () => {
      setMissed({ asked, ids: new Set() });
      void client.resetQueries({ queryKey: [...rows, "pages", asked] });
    },
    recheck: async (ids) => {
      if (ids.length === 0) return;
      try {
        await recheck(ids);
      } catch {
        // It is tried again with what the watch says; until then the rows stay as they were.
        for (const id of ids) due.current.add(id);
      }
    },
  };
}

function patched(page: RunsPage, changes: ReadonlyMap<string, RunChange>): RunsPage {
  const rows = patchedRows(page.rows, changes);
  return rows === page.rows ? page : { ...page, rows };
}

function patchedRows(rows: readonly RunRow[], changes: ReadonlyMap<string, RunChange>): readonly RunRow[] {
  if (!rows.some((row) => changes.has(row.id))) return rows;
  return rows.map((row) => {
    const change = changes.get(row.id);
    return change === undefined ? row : changed(row, change);
  });
}
