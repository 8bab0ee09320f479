import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import type { CurvesRequest } from "~/api/curves";
import { contextKey, readTogether } from "~/api/curvesTogether";
import { runName } from "~/api/names";
import type { Curve } from "~/charts/curve";
import { curveOfPoints } from "~/charts/curve";
import { runKey } from "~/features/run/queries";

/** A curve of a run to be read. */
export interface WantedCurve extends Pick<CurvesRequest, "axis" | "range" | "buckets" | "context"> {
  readonly key: string;
}

const EMPTY: Curve = curveOfPoints([], []);

export const curvesKey = (workspace: string, run: string): readonly unknown[] => [...runKey(workspace, run), "curve"];

export const curveQuery = (workspace: string, run: string, wanted: WantedCurve) =>
  queryOptions({
    queryKey: [
      ...curvesKey(workspace, run),
      wanted.key,
      contextKey(wanted.context),
      wanted.axis,
      wanted.range,
      wanted.buckets,
    ],
    queryFn: async () => (await readTogether({ runs: [runName(workspace, run)], ...wanted }))[0] ?? EMPTY,
    placeholderData: keepPreviousData,
  });
