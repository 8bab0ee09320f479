import { deviation, mean } from "d3-array";

import type { Dimension } from "~/charts/dimension";
import { ranksOf } from "~/features/charts/panels/importance/correlation";
import { randomFrom, shuffled } from "~/features/charts/panels/importance/random";
import type { Column } from "~/features/charts/panels/importance/tree";

/** So many different values are told apart, so that a split costs the same of 100 runs and of 1,000. */
const MOST_VALUES = 63;
const FEWEST_SHADOWS = 10;
/** Of a normal distribution, one value of 700 is farther above the mean. */
const DEVIATIONS = 3;
const SEED = 4711;

/**
 * What a tree knows of a param. Runs without a value, or with NaN, have the code 0: the lowest among numbers, a category
 * of their own among others. Of many numbers, those of about one rank share a code; of many categories, the rare ones.
 */
export function columnOf(dimension: Dimension): Column {
  const codes = dimension.kind === "number" ? codesOfNumbers(dimension.values) : codesOfCategories(dimension.values);
  const values: readonly (string | number | null)[] = dimension.values;
  return {
    codes: Int32Array.from(values, (value) => codes.get(value) ?? 0),
    different: Math.max(0, ...codes.values()) + 1,
    isOrdered: dimension.kind === "number",
  };
}

function codesOfNumbers(values: readonly (number | null)[]): ReadonlyMap<string | number | null, number> {
  const there = values.filter((value): value is number => value !== null && !Number.isNaN(value));
  const different = [...new Set(there)].toSorted((one, other) => one - other);
  if (different.length <= MOST_VALUES) return new Map(different.map((value, place) => [value, place + 1]));
  const ranks = ranksOf(there);
  return new Map(
    there.map((value, place) => [value, 1 + Math.floor((((ranks[place] ?? 1) - 1) / there.length) * MOST_VALUES)]),
  );
}

function codesOfCategories(values: readonly (string | null)[]): ReadonlyMap<string | number | null, number> {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const frequent = [...counts].toSorted(([, one], [, other]) => other - one).map(([value]) => value);
  return new Map(frequent.map((value, place) => [value, Math.min(place + 1, MOST_VALUES)]));
}

/**
 * Columns shuffled, which tell nothing: what a forest makes of them is chance. As in Boruta: Kursa and Rudnicki, 2010,
 * https://doi.org/10.18637/jss.v036.i11.
 */
export function shadowsOf(columns: readonly Column[]): Column[] {
  const random = randomFrom(SEED);
  const times = Math.ceil(FEWEST_SHADOWS / columns.length);
  return Array.from({ length: times }, () => columns)
    .flat()
    .map(({ codes, different, isOrdered }) => ({ codes: shuffled(codes, random), different, isOrdered }));
}

/** How important what tells nothing may look, by how important its shadows look. */
export const chanceOf = (importances: readonly number[]): number =>
  Math.max(0, ...importances, (mean(importances) ?? 0) + DEVIATIONS * (deviation(importances) ?? 0));
