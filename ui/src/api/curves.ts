import { tracking } from "~/api/clients";
import type { MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { CurveAxis } from "~/api/gen/trivet/tracking/v1/metric_curve_pb";

/** Which curves to read, and how. */
export interface CurvesRequest {
  /** At most 100: `workspaces/W/runs/R`. */
  readonly runs: readonly string[];
  /** At most 100. */
  readonly keys: readonly string[];
  /** Only the series of this one; all contexts as one where it is null. */
  readonly context: MetricContext | null;
  readonly axis: "step" | "time" | "relative";
  /** Only this part of the axis. */
  readonly range: readonly [number, number] | null;
  /** At most so many buckets a curve; 10,000 and fewer. */
  readonly buckets: number;
}

/** A metric of a run in buckets, in columns. A point that is alone in its bucket is its smallest and its largest value. */
export interface ReadCurve {
  readonly run: string;
  readonly key: string;
  readonly xs: Float64Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly nans: Uint32Array;
}

const AXES = { step: CurveAxis.STEP, time: CurveAxis.WALL_TIME, relative: CurveAxis.RELATIVE_TIME } as const;

/** Reads curves; a run without a key has none of it. */
export async function readCurves(request: CurvesRequest, signal?: AbortSignal): Promise<ReadCurve[]> {
  const { runs, keys, context, axis, range, buckets } = request;
  const found: ReadCurve[] = [];
  const call = {
    runs: [...runs],
    keys: [...keys],
    axis: AXES[axis],
    bucketCount: buckets,
    ...(context === null ? {} : { context }),
    ...(range === null ? {} : { minX: BigInt(Math.floor(range[0])), maxX: BigInt(Math.ceil(range[1])) }),
  };
  for await (const { curves } of tracking.readMetricCurves(call, signal === undefined ? {} : { signal })) {
    for (const curve of curves) {
      found.push({
        run: curve.run,
        key: curve.key,
        xs: Float64Array.from(curve.xs, Number),
        mins: Float64Array.from(curve.mins),
        maxs: Float64Array.from(curve.maxs),
        nans: Uint32Array.from(curve.nanCounts),
      });
    }
  }
  return found;
}
