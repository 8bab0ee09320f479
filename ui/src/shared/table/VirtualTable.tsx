import { useEffect, useEffectEvent, useRef } from "react";

import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { useRowHeight } from "~/shared/hooks/useRowHeight";
import { useVirtual } from "~/shared/hooks/useVirtual";
import type { Column } from "~/shared/table/Table";
import styles from "~/shared/table/VirtualTable.module.css";

interface Properties<Row> {
  /** What the table has: its name for people who do not see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  /** How wide each column is, as `grid-template-columns` has it. */
  readonly widths: string;
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** So many rows are seen at once, the others by scrolling; without it, as many as there is room for. */
  readonly mostRows?: number;
  /** Told when the last row is seen; given where there are more of them. */
  readonly onEnd?: () => void;
}

const OVERSCAN = 10;

/** Any number of rows of one line; those in view are there. */
export function VirtualTable<Row>({ label, columns, widths, rows, keyOf, mostRows, onEnd }: Properties<Row>) {
  const scroll = useRef<HTMLDivElement>(null);
  const height = useRowHeight();
  const virtual = useVirtual({ count: rows.length, scroll, sizeOf: () => height, beyond: OVERSCAN });
  const shown = virtual.getVirtualItems();
  const isPart = onEnd !== undefined;
  const seen = (shown.at(-1)?.index ?? -1) + 1;
  const tellEnd = useEffectEvent(() => onEnd?.());
  useEffect(() => {
    if (isPart && seen === rows.length) tellEnd();
  }, [isPart, seen, rows.length]);
  const grid = { gridTemplateColumns: widths };
  return (
    <ScrollRegion
      label={label}
      role="table"
      scrollRef={scroll}
      className={`${styles.scroll} ${mostRows === undefined ? styles.filling : ""}`}
      style={mostRows === undefined ? {} : { maxHeight: height * (mostRows + 1) + 2 }}
      rowCount={isPart ? -1 : rows.length + 1}
      columnCount={columns.length}
    >
      <div role="row" aria-rowindex={1} className={`${styles.row} ${styles.head}`} style={grid}>
        {columns.map((column) => (
          <div
            key={column.id}
            role="columnheader"
            className={`${styles.cell} ${column.isNumber === true ? styles.number : ""}`}
          >
            {column.header}
          </div>
        ))}
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {shown.map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <div
              key={keyOf(row)}
              role="row"
              aria-rowindex={index + 2}
              className={styles.row}
              style={{ ...grid, transform: `translateY(${start}px)` }}
            >
              {columns.map((column) => (
                <div
                  key={column.id}
                  role="cell"
                  className={`${styles.cell} ${column.isNumber === true ? styles.number : ""}`}
                >
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </ScrollRegion>
  );
}
