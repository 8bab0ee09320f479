import { extent, mean } from "d3-array";

import type { Bar } from "~/charts/bars";
import type { Dimension } from "~/charts/dimension";
import type { ShownRun } from "~/features/charts/panel";
import type { BarsSettings } from "~/features/charts/panels/bars/kind";
import { namesOfGroups } from "~/features/charts/runs";

/** A bar for each run that has a number, or where runs are grouped, for each group. */
export function barsOf(runs: readonly ShownRun[], dimension: Dimension, order: BarsSettings["order"]): Bar[] {
  const numbers = runs.flatMap((run, place) => {
    const value = dimension.values[place];
    return typeof value === "number" ? [{ run, value }] : [];
  });
  const isGrouped = runs.some((run) => run.group !== null);
  const bars = isGrouped ? barsOfGroups(numbers) : numbers.map(({ run, value }) => barOf(run, value));
  return order === "runs" ? bars : bars.toSorted((one, other) => compared(one.value, other.value, order));
}

interface Numbered {
  readonly run: ShownRun;
  readonly value: number;
}

const barOf = ({ id, displayName, color }: ShownRun, value: number): Bar => ({
  id,
  name: displayName,
  color,
  value,
  range: null,
});

/** By their means; values that are not finite count only where a group has no other. */
function barsOfGroups(numbers: readonly Numbered[]): Bar[] {
  const groups = Map.groupBy(numbers, ({ run }) => run.group ?? "");
  return namesOfGroups([...groups.keys()]).map((group) => {
    const its = groups.get(group) ?? [];
    const all = its.map(({ value }) => value);
    const finite = all.filter(Number.isFinite);
    const [low, high] = extent(finite);
    return {
      id: group,
      name: `${group} (${its.length})`,
      color: its[0]?.run.color ?? "",
      value: mean(finite) ?? all[0] ?? NaN,
      range: low === undefined || high === undefined ? null : [low, high],
    };
  });
}

/** NaN is last, whichever way. */
function compared(one: number, other: number, order: "rising" | "falling"): number {
  if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(one)) - Number(Number.isNaN(other));
  // Infinite numbers have no difference.
  const sign = one < other ? -1 : Number(one > other);
  return order === "rising" ? sign : -sign;
}
