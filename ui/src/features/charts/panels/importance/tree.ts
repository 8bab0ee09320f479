/** What runs have of one param, as whole numbers from 0: equal values have equal ones. */
export interface Column {
  readonly codes: Int32Array;
  /** How many different codes there are. */
  readonly different: number;
  /** Whether they rise with the values; categories have no order. */
  readonly isOrdered: boolean;
}

/** A regression tree: a split, or the mean of what is in a leaf. */
export type Tree =
  | { readonly mean: number; readonly split: null }
  | {
      readonly mean: number;
      readonly split: {
        readonly column: number;
        /** By code, whether it goes to the left; 2 for codes that were not there when the tree grew. */
        readonly sides: Uint8Array;
        /** Where codes go that were not there. */
        readonly otherwise: number;
        readonly left: Tree;
        readonly right: Tree;
      };
    };

/** Nodes with fewer rows are leaves: Breiman's choice for regression; of many rows, one part of a hundred. */
const LEAST_TO_SPLIT = 5;
const LEAST_PART = 0.01;
const RIGHT = 0;
const LEFT = 1;
const UNSEEN = 2;

/** Grows a tree over some rows, each of which may be there several times; each split is the best of some columns. */
export function grown(
  rows: Int32Array,
  columns: readonly Column[],
  target: Float64Array,
  tried: number,
  random: () => number,
): Tree {
  const mean = rows.reduce((sum, row) => sum + (target[row] ?? 0), 0) / rows.length;
  const least = Math.max(LEAST_TO_SPLIT, target.length * LEAST_PART);
  const split = rows.length < least ? null : bestSplit(rows, columns, target, tried, random);
  if (split === null) return { mean, split: null };
  const { column, sides } = split;
  const codes = columns[column]?.codes ?? new Int32Array();
  const left = rows.filter((row) => sides[codes[row] ?? 0] === LEFT);
  const right = rows.filter((row) => sides[codes[row] ?? 0] === RIGHT);
  return {
    mean,
    split: {
      column,
      sides,
      otherwise: left.length >= right.length ? LEFT : RIGHT,
      left: grown(left, columns, target, tried, random),
      right: grown(right, columns, target, tried, random),
    },
  };
}

interface Split {
  readonly column: number;
  readonly sides: Uint8Array;
  readonly gain: number;
}

function bestSplit(
  rows: Int32Array,
  columns: readonly Column[],
  target: Float64Array,
  tried: number,
  random: () => number,
): Split | null {
  let best: Split | null = null;
  for (const column of someOf(columns.length, tried, random)) {
    const found = columns[column];
    if (found === undefined) continue;
    const split = splitOf(rows, found, target);
    if (split !== null && split.gain > (best?.gain ?? 0)) best = { column, ...split };
  }
  return best;
}

/** Some of the first whole numbers, each once. */
function someOf(all: number, some: number, random: () => number): Int32Array {
  const numbers = Int32Array.from({ length: all }, (_, place) => place);
  for (let place = 0; place < some; place += 1) {
    const other = place + Math.floor(random() * (all - place));
    const kept = numbers[place] ?? 0;
    numbers[place] = numbers[other] ?? 0;
    numbers[other] = kept;
  }
  return numbers.subarray(0, some);
}

/**
 * The split of a column that leaves the least squared error. Categories are put into the order of their means, which for
 * squared errors has the best of all splits among its own: Breiman et al., Classification and Regression Trees, 1984.
 */
function splitOf(rows: Int32Array, { codes, different, isOrdered }: Column, target: Float64Array) {
  const sums = new Float64Array(different);
  const counts = new Int32Array(different);
  let total = 0;
  for (const row of rows) {
    const code = codes[row] ?? 0;
    sums[code] = (sums[code] ?? 0) + (target[row] ?? 0);
    counts[code] = (counts[code] ?? 0) + 1;
    total += target[row] ?? 0;
  }
  const there: number[] = [];
  for (let code = 0; code < different; code += 1) if ((counts[code] ?? 0) > 0) there.push(code);
  const meanOf = (code: number): number => (sums[code] ?? 0) / (counts[code] ?? 1);
  if (!isOrdered) there.sort((one, other) => meanOf(one) - meanOf(other));
  const whole = total ** 2 / rows.length;
  let [sum, count, gain, cut] = [0, 0, 0, 0];
  for (const [place, code] of there.slice(0, -1).entries()) {
    sum += sums[code] ?? 0;
    count += counts[code] ?? 0;
    const now = sum ** 2 / count + (total - sum) ** 2 / (rows.length - count) - whole;
    // What is gained by rounding alone is no gain.
    if (now > gain + 1e-12) [gain, cut] = [now, place + 1];
  }
  if (cut === 0) return null;
  const sides = new Uint8Array(different).fill(UNSEEN);
  for (const [place, code] of there.entries()) sides[code] = place < cut ? LEFT : RIGHT;
  if (isOrdered) fillBetween(sides);
  return { sides, gain };
}

/** Numbers that were not there are on the side of the next smaller one. */
function fillBetween(sides: Uint8Array): void {
  let side = LEFT;
  for (const [code, known] of sides.entries()) {
    if (known === UNSEEN) sides[code] = side;
    else side = known;
  }
}

/** What a tree says of a row, with the codes of one column in place of its own. */
export function predicted(
  tree: Tree,
  columns: readonly Column[],
  row: number,
  replaced: { readonly column: number; readonly code: number } | null,
): number {
  let node = tree;
  while (node.split !== null) {
    const { column, sides, otherwise, left, right } = node.split;
    const code = replaced?.column === column ? replaced.code : (columns[column]?.codes[row] ?? 0);
    const side = sides[code] === UNSEEN ? otherwise : sides[code];
    node = side === LEFT ? left : right;
  }
  return node.mean;
}

/** The columns that a tree splits by. */
export function columnsOf(tree: Tree): ReadonlySet<number> {
  if (tree.split === null) return new Set();
  const { column, left, right } = tree.split;
  return new Set([column, ...columnsOf(left), ...columnsOf(right)]);
}
