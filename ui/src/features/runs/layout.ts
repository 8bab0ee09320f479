import type { Group, RunColumn } from "~/features/runs/columns";
import { columnOf, NAME } from "~/features/runs/columns";

/** A column where it stands: pixels from the left of its part of the table. */
export interface Placed {
  readonly column: RunColumn;
  readonly left: number;
  readonly width: number;
}

/** Columns of one group that stand side by side. */
export interface Span {
  readonly group: Group;
  readonly left: number;
  readonly width: number;
}

export interface Layout {
  /** Those that stay at the left, the name first. `left` counts from the left of the table. */
  readonly pinned: readonly Placed[];
  readonly pinnedWidth: number;
  /** The others; `left` counts from where the pinned ones end. */
  readonly rest: readonly Placed[];
  readonly restWidth: number;
  /** The groups of the others. */
  readonly spans: readonly Span[];
}

/** The width of the boxes that select rows, in pixels. */
export const CHECK_WIDTH = 32;

/** Where columns stand. */
export function layoutOf(
  columns: readonly RunColumn[],
  pinnedIds: readonly string[],
  widths: Readonly<Record<string, number>>,
): Layout {
  const placed = (all: readonly RunColumn[], begin: number): Placed[] => {
    let left = begin;
    return all.map((column) => {
      const width = widths[column.id] ?? column.width;
      left += width;
      return { column, left: left - width, width };
    });
  };
  const name = columnOf(NAME);
  const pinned = placed(
    [...(name === null ? [] : [name]), ...pinnedIds.flatMap((id) => columns.find((column) => column.id === id) ?? [])],
    CHECK_WIDTH,
  );
  const rest = placed(
    columns.filter((column) => !pinnedIds.includes(column.id)),
    0,
  );
  return {
    pinned,
    pinnedWidth: endOf(pinned.at(-1)),
    rest,
    restWidth: endOf(rest.at(-1)),
    spans: spansOf(rest),
  };
}

const endOf = (last: Placed | undefined): number => (last === undefined ? 0 : last.left + last.width);

function spansOf(placed: readonly Placed[]): Span[] {
  const spans: Span[] = [];
  for (const { column, left, width } of placed) {
    const last = spans.at(-1);
    if (last?.group === column.group) {
      spans[spans.length - 1] = { ...last, width: left + width - last.left };
    } else {
      spans.push({ group: column.group, left, width });
    }
  }
  return spans;
}
