import type { Dimension } from "~/charts/dimension";

/** What is brushed on an axis: an interval of numbers, and categories or places beside the numbers. */
export interface Brush {
  readonly range?: readonly [number, number];
  /** Categories, or names of places; null is where runs without a value are. */
  readonly at?: readonly (string | null)[];
}

export type Brushes = Readonly<Record<string, Brush>>;

/** Where numbers are that have no place among the others. */
export const PLACES = { infinite: "∞", belowInfinite: "−∞", notPositive: "≤ 0", notNumber: "NaN" } as const;

/** The place of a number that an axis cannot put among the others; undefined where it can. */
export function placeOf(value: number | null, isLog: boolean): string | null | undefined {
  if (value === null) return null;
  if (Number.isNaN(value)) return PLACES.notNumber;
  if (value === Infinity) return PLACES.infinite;
  if (value === -Infinity) return PLACES.belowInfinite;
  return isLog && value <= 0 ? PLACES.notPositive : undefined;
}

/** Whether a run is within what is brushed on one axis. */
export function passes(dimension: Dimension, brush: Brush, run: number): boolean {
  const value = dimension.values[run] ?? null;
  if (typeof value === "number") {
    const [low, high] = brush.range ?? [NaN, NaN];
    if (value >= low && value <= high) return true;
    const place = placeOf(value, true);
    return place !== undefined && brush.at?.includes(place) === true;
  }
  return brush.at?.includes(value) === true;
}

/** The runs, by their places, that are within all brushes. Brushes of what is not there count for nothing. */
export function brushed(dimensions: readonly Dimension[], brushes: Brushes, runs: number): number[] {
  const counting = dimensions.flatMap((dimension) => {
    const brush = brushes[dimension.id];
    return brush === undefined ? [] : [{ dimension, brush }];
  });
  return Array.from({ length: runs }, (_, run) => run).filter((run) =>
    counting.every(({ dimension, brush }) => passes(dimension, brush, run)),
  );
}

/** Brushes as a URL has them; what is none is dropped. */
export function brushesFrom(raw: unknown): Brushes {
  if (!isRecord(raw)) return {};
  const brushes: Record<string, Brush> = {};
  for (const [id, each] of Object.entries(raw)) {
    if (!isRecord(each)) continue;
    const range = rangeFrom(each["range"]);
    const at = Array.isArray(each["at"])
      ? each["at"].filter((place): place is string | null => place === null || typeof place === "string")
      : [];
    if (range === undefined && at.length === 0) continue;
    brushes[id] = { ...(range === undefined ? {} : { range }), ...(at.length === 0 ? {} : { at }) };
  }
  return brushes;
}

function rangeFrom(raw: unknown): readonly [number, number] | undefined {
  if (!Array.isArray(raw)) return undefined;
  const [low, high]: unknown[] = raw;
  return typeof low === "number" && typeof high === "number" && low <= high ? [low, high] : undefined;
}

const isRecord = (raw: unknown): raw is Readonly<Record<string, unknown>> =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw);
