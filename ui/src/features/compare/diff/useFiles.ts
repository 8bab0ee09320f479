import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import { comparable, filePairs, isCut } from "~/features/compare/diff/changes";
import type { Pair } from "~/features/compare/diff/pair";
import { filesOf } from "~/features/compare/diff/queries";

/** The files of two runs, of all folders or of one and those below it. */
export function useFiles({ workspace, one, other }: Pair, path = "") {
  const [ones, others] = useQueries({
    queries: [filesOf(workspace, one.id, path), filesOf(workspace, other.id, path)],
  });
  const pairs = useMemo(
    () =>
      ones.data === undefined || others.data === undefined ? null : filePairs(...comparable(ones.data, others.data)),
    [ones.data, others.data],
  );
  const error = ones.error ?? others.error;
  return {
    pairs,
    isCut: [ones, others].some(({ data }) => data !== undefined && isCut(data)),
    failure: error === null ? null : failureOf(error),
    retry: () => {
      for (const each of [ones, others]) if (each.isError) void each.refetch();
    },
  };
}
