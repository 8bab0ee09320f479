import { randomFrom, shuffled } from "~/features/charts/panels/importance/random";
import type { Column } from "~/features/charts/panels/importance/tree";
import { columnsOf, grown, predicted } from "~/features/charts/panels/importance/tree";

/** What a random forest tells of the columns that it was grown from. */
export interface Forest {
  /** The part of the variance of the target that it explains, of rows that its trees have not seen; below 0 for none. */
  readonly explained: number;
  /** By column, how much of the variance is lost where the column is shuffled; about 0 for what tells nothing. */
  readonly importances: readonly number[];
}

const TREES = 100;
const SEED = 20_260_101;

/**
 * Grows a forest and asks how much worse it is where a column is shuffled, of the rows that each tree has not seen:
 * L. Breiman, Random Forests, 2001, https://doi.org/10.1023/A:1010933404324. The same for the same columns.
 */
export function forestOf(columns: readonly Column[], target: Float64Array): Forest {
  const random = randomFrom(SEED);
  const rows = target.length;
  // A third of all columns, as Breiman advises for regression.
  const tried = Math.max(1, Math.ceil(columns.length / 3));
  const losses = new Float64Array(columns.length);
  const sums = new Float64Array(rows);
  const counts = new Int32Array(rows);
  for (let tree = 0; tree < TREES; tree += 1) {
    const drawn = Int32Array.from({ length: rows }, () => Math.floor(random() * rows));
    const seen = new Set(drawn);
    const unseen = Int32Array.from(Array.from(target.keys()).filter((row) => !seen.has(row)));
    if (unseen.length === 0) continue;
    const one = grown(drawn, columns, target, tried, random);
    let error = 0;
    for (const row of unseen) {
      const guess = predicted(one, columns, row, null);
      sums[row] = (sums[row] ?? 0) + guess;
      counts[row] = (counts[row] ?? 0) + 1;
      error += (guess - (target[row] ?? 0)) ** 2;
    }
    for (const column of columnsOf(one)) {
      const codes = shuffled(
        unseen.map((row) => columns[column]?.codes[row] ?? 0),
        random,
      );
      let worse = -error;
      for (const [place, row] of unseen.entries()) {
        const guess = predicted(one, columns, row, { column, code: codes[place] ?? 0 });
        worse += (guess - (target[row] ?? 0)) ** 2;
      }
      losses[column] = (losses[column] ?? 0) + worse / unseen.length;
    }
  }
  const variance = varianceOf(target);
  return {
    explained: 1 - errorOf(target, sums, counts) / variance,
    importances: Array.from(losses, (loss) => loss / TREES / variance),
  };
}

function varianceOf(target: Float64Array): number {
  const mean = target.reduce((sum, each) => sum + each, 0) / target.length;
  return target.reduce((sum, each) => sum + (each - mean) ** 2, 0) / target.length;
}

/** The mean squared error of what trees say together that have not seen a row. */
function errorOf(target: Float64Array, sums: Float64Array, counts: Int32Array): number {
  const told = Array.from(target.keys()).filter((row) => (counts[row] ?? 0) > 0);
  const error = told.reduce((sum, row) => sum + ((sums[row] ?? 0) / (counts[row] ?? 1) - (target[row] ?? 0)) ** 2, 0);
  return error / told.length;
}
