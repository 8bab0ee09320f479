import type { ComparedRun } from "~/features/compare/comparison";
import type { Line } from "~/features/compare/rows";
import { nameOf, textIn } from "~/features/compare/rows";
import { csvCell } from "~/shared/format/csv";

/** The table as CSV, by RFC 4180. */
export function csvOf(runs: readonly ComparedRun[], lines: readonly Line[]): string {
  return cells(runs, lines)
    .map((row) => row.map(csvCell).join(","))
    .join("\r\n");
}

/** The table as GitHub's markdown has tables. */
export function markdownOf(runs: readonly ComparedRun[], lines: readonly Line[]): string {
  const [head = [], ...rest] = cells(runs, lines);
  return [head, head.map(() => "---"), ...rest].map((row) => `| ${row.map(markdownCell).join(" | ")} |`).join("\n");
}

function cells(runs: readonly ComparedRun[], lines: readonly Line[]): string[][] {
  return [
    ["kind", "key", ...runs.map((run) => run.name)],
    ...lines.flatMap((line) =>
      line.kind === "heading" ? [] : [[line.row.kind, nameOf(line), ...runs.map((_, run) => textIn(line, run))]],
    ),
  ];
}

const markdownCell = (text: string): string => text.replaceAll("|", "\\|").replace(/\r?\n/g, " ");
