import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";

import styles from "~/shared/table/Table.module.css";

/** A column of a table. */
export interface Column<Row, Sort extends string = string> {
  readonly id: string;
  readonly header: ReactNode;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** Only as wide as what is in it; the others share the rest. */
  readonly isNarrow?: boolean;
  /** What the server is asked to order by; without it, the column cannot be sorted. */
  readonly sort?: Sort;
}

interface Properties<Row, Sort extends string> {
  /** What the table has: its name for people who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<Row, Sort>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly order?: { readonly by: Sort; readonly isDescending: boolean };
  readonly onOrder?: (by: Sort, isDescending: boolean) => void;
  /** Whether newer rows are on their way: those that are there stay, dimmed. */
  readonly isStale?: boolean;
  /** The row that keys move to. */
  readonly current?: string;
}

/** Some hundred rows of things. Runs, of which there are many more, have a table of their own. */
export function Table<Row, Sort extends string>(properties: Properties<Row, Sort>) {
  const { label, columns, rows, keyOf, order, onOrder, isStale = false, current } = properties;
  const ariaSort = (column: Column<Row, Sort>): "ascending" | "descending" | undefined =>
    order === undefined || column.sort !== order.by ? undefined : order.isDescending ? "descending" : "ascending";
  return (
    <div className={styles.scroll}>
      <table className={`${styles.table} ${isStale ? styles.stale : ""}`} aria-label={label} aria-busy={isStale}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                className={`${column.isNumber === true ? styles.number : ""} ${column.isNarrow === true ? styles.narrow : ""}`}
                aria-sort={ariaSort(column)}
              >
                {column.sort === undefined || onOrder === undefined ? (
                  column.header
                ) : (
                  <SortButton column={column} sorted={ariaSort(column)} onOrder={onOrder} />
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} className={keyOf(row) === current ? styles.current : ""} data-row={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.id} className={column.isNumber === true ? styles.number : ""}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface SortProperties<Row, Sort extends string> {
  readonly column: Column<Row, Sort>;
  readonly sorted: "ascending" | "descending" | undefined;
  readonly onOrder: (by: Sort, isDescending: boolean) => void;
}

function SortButton<Row, Sort extends string>({ column, sorted, onOrder }: SortProperties<Row, Sort>) {
  const { sort } = column;
  if (sort === undefined) return null;
  return (
    <button type="button" className={styles.sort} onClick={() => onOrder(sort, sorted !== "descending")}>
      {column.header}
      {sorted === "descending" && <ArrowDown aria-hidden />}
      {sorted === "ascending" && <ArrowUp aria-hidden />}
    </button>
  );
}
