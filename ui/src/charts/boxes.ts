import { quantileSorted } from "d3-array";

/** What a box plot shows of some numbers. */
export interface BoxFigures {
  readonly count: number;
  readonly median: number;
  readonly quartiles: readonly [number, number];
  /** The farthest values within one and a half times the box beyond it, as Tukey has it. */
  readonly whiskers: readonly [number, number];
}

const REACH = 1.5;

/** The figures of finite numbers; null where there are none. */
export function boxOf(values: readonly number[]): BoxFigures | null {
  const sorted = values.filter((value) => Number.isFinite(value)).toSorted((one, other) => one - other);
  const low = quantileSorted(sorted, 0.25);
  const median = quantileSorted(sorted, 0.5);
  const high = quantileSorted(sorted, 0.75);
  if (low === undefined || median === undefined || high === undefined) return null;
  const reach = REACH * (high - low);
  return {
    count: sorted.length,
    median,
    quartiles: [low, high],
    whiskers: [
      sorted.find((value) => value >= low - reach) ?? low,
      sorted.findLast((value) => value <= high + reach) ?? high,
    ],
  };
}
