import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import type { CurvesRequest } from "~/api/curves";
import { readCurves } from "~/api/curves";
import type { MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { runName } from "~/api/names";
import type { Curve } from "~/charts/curve";
import { curveOfPoints } from "~/charts/curve";
import { runKey } from "~/features/run/queries";

/** A curve of a run to be read. */
export interface WantedCurve extends Pick<CurvesRequest, "axis" | "range" | "buckets" | "context"> {
  readonly key: string;
}

const EMPTY: Curve = curveOfPoints([], []);
const MOST_KEYS = 100;

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
    queryFn: () => together(runName(workspace, run), wanted),
    placeholderData: keepPreviousData,
  });

const contextKey = (context: MetricContext | null): unknown =>
  context === null
    ? null
    : [context.rank ?? null, context.modelId ?? "", context.datasetName ?? "", context.datasetDigest ?? ""];

interface Batch {
  readonly request: Omit<CurvesRequest, "keys">;
  readonly waiting: Map<string, ((read: Promise<Curve>) => void)[]>;
}

const batches = new Map<string, Batch>();

/** Reads a curve in one call with those that are asked for at the same time: charts come into view by the dozen. */
function together(run: string, { key, ...how }: WantedCurve): Promise<Curve> {
  const name = JSON.stringify([run, contextKey(how.context), how.axis, how.range, how.buckets]);
  const found = batches.get(name);
  const batch = found ?? { request: { runs: [run], ...how }, waiting: new Map() };
  if (found === undefined) {
    batches.set(name, batch);
    setTimeout(() => {
      if (batches.get(name) === batch) send(name, batch);
    });
  }
  return new Promise((resolve) => {
    batch.waiting.set(key, [...(batch.waiting.get(key) ?? []), resolve]);
    if (batch.waiting.size === MOST_KEYS) send(name, batch);
  });
}

function send(name: string, { request, waiting }: Batch): void {
  batches.delete(name);
  const read = readCurves({ ...request, keys: [...waiting.keys()] });
  for (const [key, answers] of waiting) {
    const curve = read.then((curves): Curve => curves.find((each) => each.key === key) ?? EMPTY);
    for (const answer of answers) answer(curve);
  }
}
