/** What runs have of one thing: a param, a metric. One value a run, null where it has none. */
export type Dimension = NumberDimension | CategoryDimension;

export interface NumberDimension {
  readonly kind: "number";
  readonly id: string;
  readonly label: string;
  readonly values: readonly (number | null)[];
}

export interface CategoryDimension {
  readonly kind: "category";
  readonly id: string;
  readonly label: string;
  readonly values: readonly (string | null)[];
}

const collator = new Intl.Collator("en", { numeric: true });

/** The categories that there are: 2 before 10, a before B. */
export const categoriesOf = (dimension: CategoryDimension): string[] =>
  [...new Set(dimension.values.filter((value) => value !== null))].toSorted((one, other) =>
    collator.compare(one, other),
  );

/** Texts as numbers where all of them are some, and as categories otherwise. */
export function dimensionOfTexts(id: string, label: string, texts: readonly (string | null)[]): Dimension {
  const values: (number | null)[] = [];
  for (const text of texts) {
    const value = text === null ? null : numberIn(text);
    if (value === undefined) return { kind: "category", id, label, values: texts };
    values.push(value);
  }
  return { kind: "number", id, label, values };
}

/** The number that a text is; undefined where it is none. */
function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  if (/^nan$/i.test(trimmed)) return NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(trimmed);
  return infinite === null ? undefined : infinite[1] === "-" ? -Infinity : Infinity;
}

/** The same of some runs alone, by their places. */
export function pick(dimension: Dimension, places: readonly number[]): Dimension {
  return dimension.kind === "number"
    ? { ...dimension, values: places.map((place) => dimension.values[place] ?? null) }
    : { ...dimension, values: places.map((place) => dimension.values[place] ?? null) };
}

/** The smallest and the largest finite value; null where there is none. */
export function extentOf(values: readonly (number | null)[]): readonly [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? null : [low, high];
}
