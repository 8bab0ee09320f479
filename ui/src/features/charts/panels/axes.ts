import type { Dimension } from "~/charts/dimension";
import { dimensionOfTexts } from "~/charts/dimension";
import type { MetricValues, Needs, ShownRun } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import { textIn } from "~/shared/runs/choice";

/** What runs can be put in order by, and how it is called; an axis is named by its kind and its key: `min.loss`. */
export const AXIS_KINDS = {
  params: "param",
  metrics: "metric, last value",
  min: "metric, smallest value",
  max: "metric, largest value",
} as const;

export type AxisKind = keyof typeof AXIS_KINDS;
export const ALL_KINDS = ["params", "metrics", "min", "max"] as const satisfies readonly AxisKind[];
export const METRIC_KINDS = ["metrics", "min", "max"] as const satisfies readonly AxisKind[];

/** An axis, by its kind and key. */
export interface AxisName {
  readonly kind: AxisKind;
  readonly key: string;
}

export const idOfAxis = ({ kind, key }: AxisName): string => `${kind}.${key}`;

/** The axis that an id names; null where it names none. */
export function axisNamed(id: string): AxisName | null {
  const [, kind = "", key = ""] = /^([a-z]+)\.([^]+)$/.exec(id) ?? [];
  return isKind(kind) ? { kind, key } : null;
}

const isKind = (kind: string): kind is AxisKind => Object.hasOwn(AXIS_KINDS, kind);

/** The id of an axis that settings have, perhaps of some kinds only. */
export function axisIn(raw: unknown, kinds: readonly AxisKind[] | null = null): string | undefined {
  const id = textIn(raw);
  const axis = id === undefined ? null : axisNamed(id);
  return axis !== null && (kinds?.includes(axis.kind) ?? true) ? id : undefined;
}

/** What an axis is called: `lr`, `loss`, `min loss`. */
export function labelOf(id: string): string {
  const axis = axisNamed(id);
  if (axis === null) return id;
  return axis.kind === "min" || axis.kind === "max" ? `${axis.kind} ${axis.key}` : axis.key;
}

/** What has to be read of runs for some axes. */
export function needsOf(ids: readonly (string | undefined)[]): Needs {
  const axes = ids.flatMap((id) => (id === undefined ? [] : (axisNamed(id) ?? [])));
  const keysOf = (isOne: (kind: AxisKind) => boolean): string[] => [
    ...new Set(axes.filter(({ kind }) => isOne(kind)).map(({ key }) => key)),
  ];
  return {
    ...NEEDS_NOTHING,
    params: keysOf((kind) => kind === "params"),
    metrics: keysOf((kind) => kind !== "params"),
  };
}

/** What runs have on an axis. */
export function dimensionOf(runs: readonly ShownRun[], id: string): Dimension {
  const axis = axisNamed(id);
  const label = labelOf(id);
  if (axis === null || axis.kind === "params") {
    const key = axis?.key ?? "";
    return dimensionOfTexts(
      id,
      label,
      runs.map((run) => run.params[key] ?? null),
    );
  }
  const figure = FIGURES[axis.kind];
  return { kind: "number", id, label, values: runs.map((run) => run.metrics.get(axis.key)?.[figure] ?? null) };
}

/** What runs have on those axes that are chosen. */
export const dimensionsOf = (runs: readonly ShownRun[], ids: readonly (string | undefined)[]): Dimension[] =>
  ids.flatMap((id) => (id === undefined ? [] : [dimensionOf(runs, id)]));

const FIGURES = { metrics: "last", min: "min", max: "max" } as const satisfies Record<string, keyof MetricValues>;
