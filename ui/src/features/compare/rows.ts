import type { Comparison, MetricRow, TextRow } from "~/features/compare/comparison";
import { bestOf, guessedBest } from "~/features/compare/best";
import type { Best, CompareSearch } from "~/features/compare/search";
import { shortNumber } from "~/shared/format/numbers";

/** A line of the comparison: one value a run. */
export type Line =
  | {
      readonly kind: "heading";
      readonly id: string;
      readonly title: string;
      readonly shown: number;
      readonly of: number;
    }
  | { readonly kind: "texts"; readonly id: string; readonly row: TextRow }
  | {
      readonly kind: "numbers";
      readonly id: string;
      readonly row: MetricRow;
      readonly of: (typeof FIGURES)[number];
      readonly best: Best;
      /** The value that is marked; null where none is. */
      readonly bestValue: number | null;
    };

const FIGURES = ["last", "min", "max", "step"] as const;

/** The lines that are shown of a comparison. */
export function linesOf(comparison: Comparison, search: CompareSearch): Line[] {
  const passes = (row: TextRow | MetricRow): boolean =>
    (search.diff !== true || row.differs) && row.key.toLowerCase().includes((search.q ?? "").toLowerCase());
  return [
    ...section("Attributes", comparison.attributes, passes, textLine),
    ...section("Params", comparison.params, passes, textLine),
    ...section("Metrics", comparison.metrics, passes, (row) =>
      (search.stats === true ? FIGURES : (["last"] as const)).map((of) => numbersLine(row, of, search)),
    ),
    ...section("Tags", comparison.tags, passes, textLine),
  ];
}

function section<Row extends TextRow | MetricRow>(
  title: string,
  rows: readonly Row[],
  passes: (row: Row) => boolean,
  linesOfRow: (row: Row) => Line[],
): Line[] {
  const shown = rows.filter(passes);
  if (rows.length === 0) return [];
  return [{ kind: "heading", id: title, title, shown: shown.length, of: rows.length }, ...shown.flatMap(linesOfRow)];
}

const textLine = (row: TextRow): Line[] => [{ kind: "texts", id: `${row.kind}s.${row.key}`, row }];

function numbersLine(row: MetricRow, of: (typeof FIGURES)[number], search: CompareSearch): Line {
  const best = search.best?.[row.key] ?? guessedBest(row.key);
  const bestValue = of === "step" ? null : bestOf(row[of], best);
  return { kind: "numbers", id: `${of}.${row.key}`, row, of, best, bestValue };
}

/** What stands in a line for a run, in full. */
export function textIn(line: Line, run: number): string {
  if (line.kind === "heading") return "";
  if (line.kind === "texts") return line.row.values[run] ?? "";
  const value = line.row[line.of][run] ?? null;
  return value === null ? "" : String(value);
}

/** What is shown in a line for a run: numbers with four significant digits. */
export function shownIn(line: Line, run: number): string {
  if (line.kind !== "numbers") return textIn(line, run);
  const value = line.row[line.of][run] ?? null;
  if (value === null) return "";
  return line.of === "step" ? String(value) : shortNumber(value);
}

/** The name of a line. */
export function nameOf(line: Line): string {
  if (line.kind === "heading") return line.title;
  return line.kind === "numbers" && line.of !== "last" ? `${line.row.key}, ${line.of}` : line.row.key;
}
