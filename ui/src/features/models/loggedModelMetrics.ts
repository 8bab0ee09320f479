import type { LoggedModelMetric } from "~/api/gen/trivet/tracking/v1/logged_model_pb";

type Measured = Pick<LoggedModelMetric, "key" | "datasetName" | "datasetDigest" | "value" | "timeMillis">;

/** The keys that any of some models has, sorted. */
export const metricKeys = (models: readonly { readonly metrics: readonly Measured[] }[]): string[] =>
  [...new Set(models.flatMap((model) => model.metrics.map((each) => each.key)))].toSorted();

/** Of the values of a metric, the one that was measured last; null where there is none. */
export function lastMeasured<Metric extends Measured>(metrics: readonly Metric[], key: string): Metric | null {
  return metrics
    .filter((each) => each.key === key)
    .reduce<Metric | null>((last, each) => (last === null || each.timeMillis >= last.timeMillis ? each : last), null);
}

/** The datasets that something was measured on: `name @ digest`, each once. */
export const datasetsOf = (metrics: readonly Measured[]): string[] => [
  ...new Set(
    metrics.filter((each) => each.datasetName !== "").map((each) => `${each.datasetName} @ ${each.datasetDigest}`),
  ),
];
