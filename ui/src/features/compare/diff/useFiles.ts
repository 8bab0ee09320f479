import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import { filePairs } from "~/features/compare/diff/changes";
import type { Pair } from "~/features/compare/diff/pair";
import { filesOf, MOST_FILES } from "~/features/compare/diff/queries";

/** The files of two runs. */
export function useFiles({ workspace, one, other }: Pair) {
  const [ones, others] = useQueries({ queries: [filesOf(workspace, one.id), filesOf(workspace, other.id)] });
  const pairs = useMemo(
    () => (ones.data === undefined || others.data === undefined ? null : filePairs(ones.data, others.data)),
    [ones.data, others.data],
  );
  const error = ones.error ?? others.error;
  return {
    pairs,
    isCut: [ones, others].some(({ data }) => data !== undefined && data.length >= MOST_FILES),
    failure: error === null ? null : failureOf(error),
    retry: () => {
      for (const each of [ones, others]) if (each.isError) void each.refetch();
    },
  };
}
