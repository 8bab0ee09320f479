import type { Dimension } from "~/charts/dimension";
import { dimensionOfTexts } from "~/charts/dimension";
import type { Comparison } from "~/features/compare/comparison";

/** Axes of one kind. */
export interface DimensionGroup {
  readonly title: string;
  readonly dimensions: readonly Dimension[];
}

/** Past so many, parallel axes are too narrow to read before somebody chose them. */
const MOST_AT_FIRST = 15;
const MOST_PARAMS_AT_FIRST = 8;

/** All that runs can be plotted by. An axis is named by its kind and key: `params.lr`, `metrics.loss`, `min.loss`. */
export function dimensionsOf(comparison: Comparison): DimensionGroup[] {
  const { runs, params, metrics } = comparison;
  return [
    { title: "Params", dimensions: params.map((row) => dimensionOfTexts(`params.${row.key}`, row.key, row.values)) },
    {
      title: "Metrics",
      dimensions: metrics.map((row) => ({
        kind: "number",
        id: `metrics.${row.key}`,
        label: row.key,
        values: row.last,
      })),
    },
    {
      title: "Metrics, smallest value",
      dimensions: metrics.map((row) => ({
        kind: "number",
        id: `min.${row.key}`,
        label: `min ${row.key}`,
        values: row.min,
      })),
    },
    {
      title: "Metrics, largest value",
      dimensions: metrics.map((row) => ({
        kind: "number",
        id: `max.${row.key}`,
        label: `max ${row.key}`,
        values: row.max,
      })),
    },
    {
      title: "Run",
      dimensions: [
        {
          kind: "number",
          id: "run.duration",
          label: "duration, s",
          values: runs.map((run) => (run.duration === null ? null : run.duration / 1000)),
        },
      ],
    },
  ];
}

/** The axes that tell most: params that differ, and metrics. All params where none differs. */
export function axesAtFirst(comparison: Comparison): string[] {
  const differing = comparison.params.filter((row) => row.differs);
  const params = (differing.length === 0 ? comparison.params : differing).slice(0, MOST_PARAMS_AT_FIRST);
  // What the machine did is rarely what runs are compared by.
  const metrics = comparison.metrics.filter((row) => !row.key.startsWith("system/"));
  return [
    ...params.map((row) => `params.${row.key}`),
    ...metrics.slice(0, MOST_AT_FIRST - params.length).map((row) => `metrics.${row.key}`),
  ];
}
