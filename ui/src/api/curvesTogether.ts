import type { CurvesRequest, ReadCurve } from "~/api/curves";
import { readCurves } from "~/api/curves";
import type { MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";

/** Curves of one key to be read. */
export interface KeyRequest extends Omit<CurvesRequest, "keys"> {
  readonly key: string;
}

/** What tells a context from others, as JSON. */
export const contextKey = (context: MetricContext | null): unknown =>
  context === null
    ? null
    : [context.rank ?? null, context.modelId ?? "", context.datasetName ?? "", context.datasetDigest ?? ""];

interface Asking {
  readonly signal: AbortSignal | undefined;
  readonly resolve: (read: Promise<ReadCurve[]>) => void;
}

interface Batch {
  readonly request: Omit<CurvesRequest, "keys">;
  readonly asking: Map<string, Asking[]>;
}

/** More curves than these wait for each other longer than a call takes by itself. */
const MOST_CURVES = 400;
const MOST_KEYS = 100;

const batches = new Map<string, Batch>();

/**
 * Reads curves of a key in one call with those of other keys that are asked for at the same time: charts come into view by
 * the dozen. A call that nobody waits for any more is ended.
 */
export function readTogether({ key, ...request }: KeyRequest, signal?: AbortSignal): Promise<ReadCurve[]> {
  const { runs, context, axis, range, buckets } = request;
  const name = JSON.stringify([runs, contextKey(context), axis, range, buckets]);
  const found = batches.get(name);
  const batch = found ?? { request, asking: new Map<string, Asking[]>() };
  if (found === undefined) {
    batches.set(name, batch);
    setTimeout(() => {
      if (batches.get(name) === batch) send(name, batch);
    });
  }
  return new Promise((resolve) => {
    batch.asking.set(key, [...(batch.asking.get(key) ?? []), { signal, resolve }]);
    if (batch.asking.size === Math.min(MOST_KEYS, Math.ceil(MOST_CURVES / runs.length))) send(name, batch);
  });
}

function send(name: string, { request, asking }: Batch): void {
  batches.delete(name);
  const all = [...asking.values()].flat();
  const ending = new AbortController();
  const end = (): void => {
    if (all.every(({ signal }) => signal?.aborted === true)) ending.abort();
  };
  for (const { signal } of all) signal?.addEventListener("abort", end, { once: true });
  end();
  const read = readCurves({ ...request, keys: [...asking.keys()] }, ending.signal).then((curves) =>
    Map.groupBy(curves, (curve) => curve.key),
  );
  for (const [key, those] of asking) {
    for (const { resolve } of those) resolve(read.then((byKey) => byKey.get(key) ?? []));
  }
}
