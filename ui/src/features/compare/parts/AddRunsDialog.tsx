import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import { experimentName, idOf } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/charts/controls.module.css";
import { experimentNamesQuery, foundQuery } from "~/features/compare/queries";
import { MOST_RUNS } from "~/features/compare/search";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Status } from "~/shared/components/Status";
import { Time } from "~/shared/components/Time";

interface Properties {
  readonly workspace: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** The ids that are compared already. */
  readonly ids: readonly string[];
  readonly onAdd: (ids: readonly string[]) => void;
}

/** Searches runs, and adds some to the comparison. */
export function AddRunsDialog(properties: Properties) {
  return (
    <Dialog title="Add runs" isOpen={properties.isOpen} onClose={properties.onClose} width="wide">
      <AddRunsForm {...properties} />
    </Dialog>
  );
}

function AddRunsForm({ workspace, ids, onAdd, onClose }: Properties) {
  const [experiment, setExperiment] = useState("");
  const [typed, setTyped] = useState("");
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const experiments = useQuery(experimentNamesQuery(workspace));
  const found = useInfiniteQuery({
    ...foundQuery(workspace, experiment === "" ? [] : [experimentName(workspace, experiment)], filter),
    placeholderData: keepPreviousData,
  });
  const there = new Set(ids);
  const runs = found.data?.pages.flatMap((page) => page.runs) ?? [];
  const free = runs.map((run) => idOf(run.name)).filter((id) => !there.has(id));
  const names = experiments.data ?? new Map<string, string>();
  const change = (changed: readonly string[], isChosen: boolean): void => {
    const next = new Set(chosen);
    for (const id of changed) {
      if (isChosen) next.add(id);
      else next.delete(id);
    }
    setChosen(next);
  };
  const isFull = there.size + chosen.size > MOST_RUNS;
  return (
    <div className={styles.form}>
      <form
        className={styles.bar}
        onSubmit={(event) => {
          event.preventDefault();
          setFilter(typed.trim());
        }}
      >
        <select aria-label="Experiment" value={experiment} onChange={(event) => setExperiment(event.target.value)}>
          <option value="">all experiments</option>
          {[...names].map(([name, displayName]) => (
            <option key={name} value={idOf(name)}>
              {displayName}
            </option>
          ))}
        </select>
        <input
          type="text"
          aria-label="Filter"
          placeholder="metrics.loss < 0.5 AND params.model = 'xgb'"
          autoFocus
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Button type="submit">Search</Button>
      </form>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && (
        <div className={styles.list} aria-busy={found.isPlaceholderData}>
          <h3>
            <span>
              {runs.length === 0 ? "No runs pass" : `${runs.length}${found.hasNextPage ? " newest" : ""} runs`}
            </span>
            <Button kind="quiet" disabled={free.length === 0} onClick={() => change(free, true)}>
              Select all
            </Button>
            <Button kind="quiet" disabled={chosen.size === 0} onClick={() => setChosen(new Set())}>
              Select none
            </Button>
          </h3>
          {runs.map((run) => {
            const id = idOf(run.name);
            return (
              <label key={id}>
                <input
                  type="checkbox"
                  disabled={there.has(id)}
                  checked={there.has(id) || chosen.has(id)}
                  onChange={(event) => change([id], event.target.checked)}
                />
                <span className={styles.grow}>{run.displayName}</span>
                <span className={styles.label}>{names.get(run.experiment)}</span>
                <Status status={run.status} isStale={run.stale} />
                <span className={styles.label}>
                  <Time at={millis(run.startTime)} />
                </span>
              </label>
            );
          })}
          {found.hasNextPage && (
            <Button kind="quiet" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              Load more
            </Button>
          )}
        </div>
      )}
      <DialogActions>
        {isFull && <p className={styles.note}>At most {MOST_RUNS} runs can be compared.</p>}
        <Button onClick={onClose}>Cancel</Button>
        <Button
          kind="primary"
          disabled={chosen.size === 0 || isFull}
          onClick={() => {
            onAdd([...chosen]);
            onClose();
          }}
        >
          Add {chosen.size} {chosen.size === 1 ? "run" : "runs"}
        </Button>
      </DialogActions>
    </div>
  );
}
