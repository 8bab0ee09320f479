import type { Brush } from "~/charts/brush";
import { PLACES, placeOf } from "~/charts/brush";
import type { CategoryDimension, Dimension, NumberDimension } from "~/charts/dimension";
import { categoriesOf, extentOf } from "~/charts/dimension";
import { linearTicks, logTicks, roundEnds } from "~/charts/ticks";
import { shortNumber } from "~/shared/format/numbers";

/** A place on an axis with what stands there. From 0 at its beginning to 1 at its end. */
export interface Tick {
  readonly at: number;
  readonly label: string;
  /** Whether it is beside the values: where runs without one are, or those with NaN. */
  readonly isAside: boolean;
}

/** Where the values of runs are on an axis of length 1. */
export interface Axis {
  readonly dimension: Dimension;
  readonly isLog: boolean;
  /** Of each run. */
  readonly positions: Float64Array;
  readonly ticks: readonly Tick[];
  /** The number at a position, where there are numbers. */
  readonly valueAt: (position: number) => number | null;
  /** Where a number is that may be of no run. */
  readonly positionOf: (value: number) => number;
  /** What is brushed between two positions; null where nothing is. */
  readonly brushBetween: (low: number, high: number) => Brush | null;
  /** The intervals that a brush covers. */
  readonly spansOf: (brush: Brush) => readonly (readonly [number, number])[];
}

interface Options {
  readonly isLog?: boolean;
  /** About how many ticks there is room for. */
  readonly ticks?: number;
  /** Whether the axis ends at round numbers. */
  readonly isNice?: boolean;
}

/** How much of an axis one place beside the values has. */
const ASIDE = 0.07;
const HALF_MARK = 0.02;
/** URLs hold brushes: more digits than a mouse can tell apart make them only longer. */
const BRUSH_DIGITS = 5;
/** What stands where runs without a value are. */
const NONE = "none";

export function axisOf(dimension: Dimension, options: Options = {}): Axis {
  return dimension.kind === "number" ? numberAxis(dimension, options) : categoryAxis(dimension, options);
}

/** Whether an axis of powers has something to show. */
export const canBeLog = (dimension: Dimension): boolean =>
  dimension.kind === "number" && dimension.values.some((value) => value !== null && value > 0 && value < Infinity);

function numberAxis(dimension: NumberDimension, options: Options): Axis {
  const { ticks: count = 6, isNice = false } = options;
  const isLog = options.isLog === true && canBeLog(dimension);
  const { values } = dimension;
  const there = new Set(values.map((value) => placeOf(value, isLog)));
  const asides = asidesOf(
    [null, PLACES.notNumber, PLACES.notPositive, PLACES.belowInfinite].filter((each) => there.has(each)),
    there.has(PLACES.infinite),
  );
  const { begin, end } = asides;
  const [low, high] = domainOf(values, isLog, isNice ? count : 0);
  // Halves, because the whole of the largest numbers would be infinite.
  const turned = (value: number): number => (isLog ? Math.log(value) : value / 2);
  const [from, to] = [turned(low), turned(high)];
  const positionOf = (value: number): number => begin + ((turned(value) - from) / (to - from)) * (end - begin);
  const valueAt = (position: number): number => {
    const share = Math.min(1, Math.max(0, (position - begin) / (end - begin)));
    if (share === 0) return low;
    if (share === 1) return high;
    const turnedBack = from + share * (to - from);
    return isLog ? Math.exp(turnedBack) : turnedBack * 2;
  };
  const nearest = (value: number): number =>
    isLog && value <= 0 ? begin : Math.min(end, Math.max(begin, positionOf(value)));
  const at = (value: number | null): number => {
    const place = placeOf(value, isLog);
    return place === undefined && value !== null ? positionOf(value) : (asides.positions.get(place ?? null) ?? 0);
  };
  const round = (isLog ? logTicks : linearTicks)(low, high, count);
  return {
    dimension,
    isLog,
    positions: Float64Array.from(values, at),
    ticks: [
      ...round.map((value) => ({ at: positionOf(value), label: shortNumber(value), isAside: false })),
      ...asides.ticks,
    ],
    valueAt,
    positionOf,
    brushBetween: (first, last) => {
      const places = asides.between(first, last);
      const [lowest, highest] = [Math.max(first, begin), Math.min(last, end)];
      const hasRange = lowest < highest && extentOf(values) !== null;
      if (!hasRange && places.length === 0) return null;
      // The ends stay as they are: a rounded one could leave out the run that is there.
      const rounded = (position: number): number =>
        position <= begin || position >= end ? valueAt(position) : Number(valueAt(position).toPrecision(BRUSH_DIGITS));
      return {
        ...(hasRange ? { range: [rounded(lowest), rounded(highest)] as const } : {}),
        ...(places.length === 0 ? {} : { at: places }),
      };
    },
    spansOf: (brush) => [
      ...(brush.range === undefined ? [] : [[nearest(brush.range[0]), nearest(brush.range[1])] as const]),
      ...asides.spansOf(brush),
    ],
  };
}

function categoryAxis(dimension: CategoryDimension, { ticks: most = Infinity }: Options): Axis {
  const categories = categoriesOf(dimension);
  const asides = asidesOf(dimension.values.includes(null) ? [null] : [], false);
  const step = (asides.end - asides.begin) / Math.max(1, categories.length);
  const places = new Map(categories.map((each, place) => [each, asides.begin + (place + 0.5) * step]));
  const stride = Math.max(1, Math.ceil(categories.length / most));
  return {
    dimension,
    isLog: false,
    positions: Float64Array.from(
      dimension.values,
      (value) => (value === null ? asides.positions.get(null) : places.get(value)) ?? 0,
    ),
    ticks: [
      ...[...places]
        .filter((_, place) => place % stride === 0)
        .map(([label, at]) => ({ at, label: label === "" ? "(empty)" : label, isAside: false })),
      ...asides.ticks,
    ],
    valueAt: () => null,
    positionOf: () => asides.begin,
    brushBetween: (low, high) => {
      const at = [
        ...[...places].filter(([, position]) => position >= low && position <= high).map(([category]) => category),
        ...asides.between(low, high),
      ];
      return at.length === 0 ? null : { at };
    },
    spansOf: (brush) => [
      ...joined(
        [...places]
          .filter(([category]) => brush.at?.includes(category) === true)
          .map(([, position]) => [position - step / 2, position + step / 2] as const),
      ),
      ...asides.spansOf(brush),
    ],
  };
}

/** The ends of an axis of numbers; round ones where a count of ticks is given. */
function domainOf(values: readonly (number | null)[], isLog: boolean, roundTo: number): readonly [number, number] {
  const extent = extentOf(isLog ? values.filter((value) => value !== null && value > 0) : values);
  if (extent === null) return [0, 1];
  const [low, high] = extent;
  if (low === high) {
    if (isLog) return [low / 2, high * 2];
    const around = low === 0 ? 1 : Math.abs(low) / 2;
    return [low - around, high + around];
  }
  return roundTo === 0 || isLog ? extent : roundEnds(low, high, roundTo);
}

/** The places beside the values: some before them, perhaps one after them. */
function asidesOf(before: readonly (string | null)[], hasInfinite: boolean) {
  const begin = before.length * ASIDE;
  const end = hasInfinite ? 1 - ASIDE : 1;
  const positions = new Map<string | null, number>(before.map((each, place) => [each, (place + 0.3) * ASIDE]));
  if (hasInfinite) positions.set(PLACES.infinite, 1);
  return {
    begin,
    end,
    positions,
    ticks: [...positions].map(([place, at]) => ({ at, label: place ?? NONE, isAside: true })),
    between: (low: number, high: number): (string | null)[] =>
      [...positions].filter(([, at]) => at >= low && at <= high).map(([place]) => place),
    spansOf: (brush: Brush): (readonly [number, number])[] =>
      [...positions]
        .filter(([place]) => brush.at?.includes(place) === true)
        .map(([, at]) => [at - HALF_MARK, at + HALF_MARK] as const),
  };
}

/** Intervals that touch, as one. */
function joined(spans: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const whole: (readonly [number, number])[] = [];
  for (const [low, high] of spans) {
    const last = whole.at(-1);
    if (last !== undefined && low - last[1] < 1e-9) whole[whole.length - 1] = [last[0], high];
    else whole.push([low, high]);
  }
  return whole;
}
