import { bisectRight } from "d3-array";

import { PLACES, placeOf } from "~/charts/brush";
import type { Dimension } from "~/charts/dimension";
import { categoriesOf, extentOf } from "~/charts/dimension";
import { linearTicks, roundEnds } from "~/charts/ticks";
import { shortNumber } from "~/shared/format/numbers";

/** Runs that have about the same of one thing. */
export interface Bin {
  readonly label: string;
  /** The numbers that are in it; null of categories, and of what stands beside the numbers. */
  readonly range: readonly [number, number] | null;
  /** The runs, by their places. */
  readonly runs: readonly number[];
}

interface Options {
  readonly isLog: boolean;
  /** About how many bins numbers are put into; chosen by how many there are where it is null. */
  readonly about: number | null;
}

/** Whole numbers of so few values are counted one by one. */
const MOST_VALUES = 12;
const FEWEST = 5;
const MOST = 40;
/** What runs without a value have. */
const NONE = "none";
/** What stands beside the numbers, in this order. */
const ASIDES = [PLACES.notPositive, PLACES.belowInfinite, PLACES.infinite, PLACES.notNumber, null];

/** Puts runs into bins: numbers into intervals of one width, categories by themselves, what is no number last. */
export function binsOf(dimension: Dimension, { isLog, about }: Options): Bin[] {
  if (dimension.kind === "category") {
    return [...categoriesOf(dimension), null].flatMap((category) =>
      binOf(
        category ?? NONE,
        null,
        placesOf(dimension.values, (value) => value === category),
      ),
    );
  }
  const { values } = dimension;
  return [
    ...numberBins(values, isLog, about),
    ...ASIDES.flatMap((aside) =>
      binOf(
        aside ?? NONE,
        null,
        placesOf(values, (value) => placeOf(value, isLog) === aside),
      ),
    ),
  ];
}

function numberBins(values: readonly (number | null)[], isLog: boolean, about: number | null): Bin[] {
  const finite = values.filter((value): value is number => value !== null && placeOf(value, isLog) === undefined);
  const different = [...new Set(finite)].toSorted((one, other) => one - other);
  if (different.length <= 1 || (different.length <= MOST_VALUES && different.every(Number.isInteger))) {
    return different.flatMap((each) =>
      binOf(
        shortNumber(each),
        null,
        placesOf(values, (value) => value === each),
      ),
    );
  }
  const turned = (value: number): number => (isLog ? Math.log10(value) : value);
  const turnedBack = (value: number): number => (isLog ? 10 ** value : value);
  const edges = edgesOf(finite.map(turned), about ?? Math.min(MOST, Math.max(FEWEST, Math.sqrt(finite.length))));
  const runs: number[][] = edges.slice(1).map(() => []);
  for (const [run, value] of values.entries()) {
    if (value === null || placeOf(value, isLog) !== undefined) continue;
    // The last interval has both of its ends.
    const place = Math.min(runs.length - 1, bisectRight(edges, turned(value)) - 1);
    runs[Math.max(0, place)]?.push(run);
  }
  return runs.map((each, place) => {
    const range = [turnedBack(edges[place] ?? 0), turnedBack(edges[place + 1] ?? 0)] as const;
    return { label: range.map(shortNumber).join(" to "), range, runs: each };
  });
}

function edgesOf(values: readonly number[], about: number): number[] {
  const [low, high] = extentOf(values) ?? [0, 1];
  const [from, to] = roundEnds(low, high, about);
  return linearTicks(from, to, about);
}

const placesOf = <Value>(values: readonly Value[], isOne: (value: Value) => boolean): number[] =>
  values.flatMap((value, place) => (isOne(value) ? [place] : []));

/** A bin, unless nothing is in it. */
const binOf = (label: string, range: Bin["range"], runs: readonly number[]): Bin[] =>
  runs.length === 0 ? [] : [{ label: label === "" ? "(empty)" : label, range, runs }];
