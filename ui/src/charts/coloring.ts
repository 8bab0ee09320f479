import type { Axis } from "~/charts/axis";
import { axisOf } from "~/charts/axis";
import { colorOf, colorOfGroup } from "~/charts/colors";
import type { Dimension } from "~/charts/dimension";
import { categoriesOf } from "~/charts/dimension";
import { rampAt } from "~/charts/ramp";

/** What says which colour means what. */
export type Legend =
  | { readonly kind: "ramp"; readonly title: string; readonly axis: Axis }
  | {
      readonly kind: "swatches";
      readonly title: string;
      readonly swatches: readonly { readonly label: string; readonly color: string }[];
    };

/** The colours of runs; null for those that have no value to colour by. */
export interface Coloring {
  readonly colors: readonly (string | null)[];
  readonly legend: Legend | null;
}

/** Colours by what a dimension has of each run. */
export function coloringBy(dimension: Dimension, isLog: boolean): Coloring {
  if (dimension.kind === "category") {
    const categories = categoriesOf(dimension);
    const places = new Map(categories.map((each, place) => [each, place]));
    return {
      colors: dimension.values.map((value) => (value === null ? null : colorOfGroup(places.get(value) ?? 0))),
      legend: {
        kind: "swatches",
        title: dimension.label,
        swatches: categories.map((label, place) => ({ label, color: colorOfGroup(place) })),
      },
    };
  }
  // Runs with NaN and the like have no place among the colours.
  const finite = dimension.values.map((value) =>
    value !== null && Number.isFinite(value) && !(isLog && value <= 0) ? value : null,
  );
  const plain = axisOf({ ...dimension, values: finite.filter((value) => value !== null) }, { isLog, ticks: 5 });
  return {
    colors: finite.map((value) => (value === null ? null : rampAt(plain.positionOf(value)))),
    legend: { kind: "ramp", title: dimension.label, axis: plain },
  };
}

/** Each run in the colour that it has everywhere. */
export const coloringOfRuns = (ids: readonly string[]): Coloring => ({ colors: ids.map(colorOf), legend: null });
