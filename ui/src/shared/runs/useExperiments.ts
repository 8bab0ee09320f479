import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import type { Failure } from "~/api/errors";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import { useStable } from "~/shared/hooks/useStable";
import { experimentIds } from "~/shared/runs/choice";
import type { Scope } from "~/shared/runs/queries";
import { experimentQuery } from "~/shared/runs/queries";

/** The experiments whose runs a page shows. */
export interface Experiments {
  /** The same object while they are the same. */
  readonly scope: Scope;
  /** The one of the path; null until it was read. */
  readonly first: Experiment | null;
  /** What they are called, by id. */
  readonly names: ReadonlyMap<string, string>;
  /** The id of one that is not there. */
  readonly missing: string | null;
  readonly failure: Failure | null;
  readonly retry: () => void;
}

/** The experiment of a path, and those beside it (`and`). */
export function useExperiments(workspace: string, ofPath: string, and: string | undefined): Experiments {
  const scope = useStable({ workspace, experiments: experimentIds(ofPath, and) });
  const read = useQueries({ queries: scope.experiments.map((id) => experimentQuery(workspace, id)) });
  const missing = read.findIndex(({ error }) => error !== null && failureOf(error).isMissing);
  const failed = read.find(({ error }) => error !== null);
  const displayNames = useStable(read.map(({ data }) => data?.displayName ?? ""));
  const names = useMemo(
    () => new Map(scope.experiments.map((id, place) => [id, displayNames[place] || `experiment ${id}`])),
    [scope, displayNames],
  );
  return {
    scope,
    first: read[0]?.data ?? null,
    names,
    missing: scope.experiments[missing] ?? null,
    failure: failed?.error == null ? null : failureOf(failed.error),
    retry: () => void failed?.refetch(),
  };
}
