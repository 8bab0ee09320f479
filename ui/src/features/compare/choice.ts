import type { Dimension } from "~/charts/dimension";
import type { DimensionGroup } from "~/features/compare/dimensions";
import type { CompareSearch } from "~/features/compare/search";

/** What the axes and colours of plots stand for; null where runs have nothing for it. */
export interface Choice {
  readonly x: Dimension | null;
  readonly y: Dimension | null;
  readonly z: Dimension | null;
  readonly size: Dimension | null;
  readonly color: Dimension | null;
}

/** What was chosen, and otherwise what tells most: params across, metrics up, the last metric in colour. */
export function chosenOf(groups: readonly DimensionGroup[], axes: readonly Dimension[], search: CompareSearch): Choice {
  const all = groups.flatMap((group) => group.dimensions);
  const find = (id: string | undefined): Dimension | undefined => all.find((each) => each.id === id);
  const params = axes.filter((each) => each.id.startsWith("params."));
  const metrics = axes.filter((each) => each.id.startsWith("metrics."));
  const numbers = params.filter((each) => each.kind === "number");
  const rest = [...numbers, ...params, ...metrics, ...all];
  const last = metrics.at(-1) ?? all.findLast((each) => each.id.startsWith("metrics.")) ?? null;
  const isContour = search.plot === "contour";
  const x = find(search.x) ?? rest[0] ?? null;
  const y = find(search.y) ?? (isContour ? rest.find((each) => each !== x && each !== last) : last) ?? all[0] ?? null;
  return { x, y, z: find(search.z) ?? last ?? y, size: find(search.size) ?? null, color: find(search.color) ?? last };
}
