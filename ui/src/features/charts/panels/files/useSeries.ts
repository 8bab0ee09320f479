import { useQueries } from "@tanstack/react-query";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { ShownRun } from "~/features/charts/panel";
import { seriesQuery } from "~/features/charts/panels/files/queries";
import type { StepFile } from "~/features/charts/panels/files/series";
import { stepsOf } from "~/features/charts/panels/files/series";

/** So many runs are looked into: pictures of more cannot be compared by eye. */
export const MOST_RUNS = 24;

/** A run with the files of one series. */
export interface RunSeries {
  readonly run: ShownRun;
  readonly files: readonly StepFile[];
}

export interface Series {
  /** The keys that any of the runs has. */
  readonly keys: readonly string[];
  /** The key that is shown; null where there is none. */
  readonly key: string | null;
  /** The runs that have it. */
  readonly runs: readonly RunSeries[];
  /** All steps of it, rising. */
  readonly steps: readonly number[];
  readonly isPending: boolean;
  readonly failure: Failure | null;
  /** How many runs were not looked into. */
  readonly left: number;
}

/** The keys that any of some runs has, as they are offered. */
export const keysOf = (series: readonly ReadonlyMap<string, unknown>[]): readonly string[] =>
  [...new Set(series.flatMap((each) => [...each.keys()]))].toSorted((one, other) =>
    one.localeCompare(other, "en", { numeric: true }),
  );

/** Series of files that runs have in a folder: those of a key, or of the first one that there is. */
export function useSeries(runs: readonly ShownRun[], folder: string, chosen: string | undefined): Series {
  const looked = runs.slice(0, MOST_RUNS);
  const answers = useQueries({ queries: looked.map((run) => seriesQuery(run, folder)) });
  const keys = keysOf(answers.flatMap(({ data }) => data ?? []));
  const key = chosen ?? keys[0] ?? null;
  const found = looked.flatMap((run, place): RunSeries[] => {
    const files = key === null ? undefined : answers[place]?.data?.get(key);
    return files === undefined ? [] : [{ run, files }];
  });
  const failed = answers.find(({ isError }) => isError);
  return {
    keys,
    key,
    runs: found,
    steps: stepsOf(found.map(({ files }) => files)),
    isPending: answers.some(({ isPending }) => isPending),
    failure: failed === undefined ? null : failureOf(failed.error),
    left: runs.length - looked.length,
  };
}
