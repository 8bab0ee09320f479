import { bin } from "d3-array";

import type { CategoryDimension, Dimension } from "~/charts/dimension";
import { categoriesOf } from "~/charts/dimension";
import { shortNumber } from "~/shared/format/numbers";

/** So many groups can be told apart on one axis. */
const MOST_GROUPS = 12;
const RANGES = 8;

/** What runs can be grouped by: few values are groups themselves, many numbers become ranges. */
export function grouped(dimension: Dimension): CategoryDimension {
  const { id, label } = dimension;
  if (dimension.kind === "category") {
    const categories = categoriesOf(dimension);
    if (categories.length <= MOST_GROUPS) return dimension;
    return { kind: "category", id, label, values: mostFrequent(dimension.values) };
  }
  const different = new Set(dimension.values);
  const finite = dimension.values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (different.size <= MOST_GROUPS || finite.length === 0) {
    return {
      kind: "category",
      id,
      label,
      values: dimension.values.map((value) => (value === null ? null : shortNumber(value))),
    };
  }
  const ranges = bin().thresholds(RANGES)(finite);
  const named = ranges.map((range) => ({
    high: range.x1 ?? Infinity,
    name: `${shortNumber(range.x0 ?? 0)} to ${shortNumber(range.x1 ?? 0)}`,
  }));
  return {
    kind: "category",
    id,
    label,
    values: dimension.values.map((value) => {
      if (value === null) return null;
      if (!Number.isFinite(value)) return shortNumber(value);
      return (named.find((range) => value < range.high) ?? named.at(-1))?.name ?? null;
    }),
  };
}

function mostFrequent(values: readonly (string | null)[]): (string | null)[] {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  const kept = new Set(
    [...counts]
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, MOST_GROUPS - 1)
      .map(([value]) => value),
  );
  return values.map((value) => (value === null || kept.has(value) ? value : "(others)"));
}
