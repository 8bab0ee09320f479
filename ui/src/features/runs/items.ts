import type { RunRow } from "~/features/runs/rows";

/** A row of the table. */
export interface RunItem {
  readonly row: RunRow;
  /** How many runs it is nested in, of those that are shown. */
  readonly depth: number;
  /** Whether it has nested runs. */
  readonly isParent: boolean;
  readonly isOpen: boolean;
}

/** Rows with the nested ones of those that are open below them. */
export function itemsOf(
  rows: readonly RunRow[],
  parents: ReadonlySet<string>,
  open: ReadonlySet<string>,
  nested: ReadonlyMap<string, readonly RunRow[]>,
): RunItem[] {
  const items: RunItem[] = [];
  // A parent is not looked up when a run is created, so that runs may be nested in each other in a circle.
  const above = new Set<string>();
  const add = (row: RunRow, depth: number): void => {
    const isOpen = open.has(row.id);
    items.push({ row, depth, isParent: parents.has(row.id), isOpen });
    if (!isOpen) return;
    above.add(row.id);
    for (const child of nested.get(row.id) ?? []) if (!above.has(child.id)) add(child, depth + 1);
    above.delete(row.id);
  };
  for (const row of rows) add(row, 0);
  return items;
}
