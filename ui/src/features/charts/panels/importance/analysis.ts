import type { Dimension } from "~/charts/dimension";
import { categoriesOf, dimensionOfTexts } from "~/charts/dimension";
import type { Correlation } from "~/features/charts/panels/importance/correlation";
import { rankCorrelation, ranksOf } from "~/features/charts/panels/importance/correlation";
import { chanceOf, columnOf, shadowsOf } from "~/features/charts/panels/importance/columns";
import { forestOf } from "~/features/charts/panels/importance/forest";

/** What is to be found out. One value a run, null where it has none. */
export interface Question {
  readonly params: readonly { readonly key: string; readonly texts: readonly (string | null)[] }[];
  readonly target: readonly (number | null)[];
}

/** How a param and the target go together. */
export interface Finding {
  readonly key: string;
  /** The part of what the forest knows of the target that it knows by this param; null where no forest was grown. */
  readonly importance: number | null;
  /** Whether the forest makes more of it than of params that were shuffled. */
  readonly isAboveChance: boolean;
  /** Null of more than two categories, and of too few runs. */
  readonly correlation: Correlation | null;
  /** Of two categories, the one that a positive correlation goes with. */
  readonly towards: string | null;
}

export interface Analysis {
  /** How many runs have a finite target: all that is said is based on them. */
  readonly runs: number;
  /** How many have the target, but not as a finite number. */
  readonly notFinite: number;
  /** How many params are the same in all of them, and left out. */
  readonly same: number;
  /** The part of the order of the runs that the forest explains; null where none was grown. */
  readonly explained: number | null;
  /** The most important first. */
  readonly findings: readonly Finding[];
}

/** From fewer runs, a forest would learn their names. */
export const FEWEST_FOR_FOREST = 10;

/**
 * How params and a target go together. The target counts by its rank, so that one run that diverged does not outweigh
 * all others, and importance and correlation are about the same.
 */
export function analysed({ params, target }: Question): Analysis {
  const counting = target.flatMap((value, run) => (value !== null && Number.isFinite(value) ? [run] : []));
  const values = counting.map((run) => target[run] ?? 0);
  const all = params.map(({ key, texts }) =>
    dimensionOfTexts(
      key,
      key,
      counting.map((run) => texts[run] ?? null),
    ),
  );
  const differing = all.filter((dimension) => new Set<unknown>(dimension.values).size > 1);
  const columns = differing.map(columnOf);
  const isEnough = counting.length >= FEWEST_FOR_FOREST && new Set(values).size > 1 && columns.length > 0;
  const forest = isEnough ? forestOf([...columns, ...shadowsOf(columns)], ranksOf(values)) : null;
  const importances = forest?.importances.slice(0, columns.length) ?? [];
  const chance = chanceOf(forest?.importances.slice(columns.length) ?? []);
  const whole = importances.reduce((sum, each) => sum + Math.max(0, each), 0);
  const findings = differing.map((dimension, place): Finding => {
    const importance = Math.max(0, importances[place] ?? 0);
    return {
      key: dimension.id,
      importance: forest === null ? null : whole === 0 ? 0 : importance / whole,
      isAboveChance: importance > chance,
      correlation: correlationOf(dimension, values),
      towards: twoOf(dimension)?.[1] ?? null,
    };
  });
  return {
    runs: counting.length,
    notFinite: target.filter((value) => value !== null && !Number.isFinite(value)).length,
    same: all.length - differing.length,
    explained: forest?.explained ?? null,
    findings: findings.toSorted((one, other) => weightOf(other) - weightOf(one)),
  };
}

const weightOf = ({ importance, correlation }: Finding): number =>
  importance ?? Math.abs(correlation?.coefficient ?? 0);

/** The two categories that there are; null where they are more or less. */
function twoOf(dimension: Dimension): readonly string[] | null {
  const categories = dimension.kind === "category" ? categoriesOf(dimension) : [];
  return categories.length === 2 ? categories : null;
}

function correlationOf(dimension: Dimension, target: readonly number[]): Correlation | null {
  const two = twoOf(dimension);
  if (dimension.kind === "category" && two === null) return null;
  const numbers = dimension.values.map((value) =>
    typeof value === "string" ? (two?.indexOf(value) ?? null) : Number.isNaN(value) ? null : value,
  );
  const both = numbers.flatMap((x, run) => (x === null ? [] : [{ x, y: target[run] ?? 0 }]));
  return rankCorrelation(
    both.map(({ x }) => x),
    both.map(({ y }) => y),
  );
}
