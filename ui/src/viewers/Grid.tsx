import { useEffect, useEffectEvent, useMemo, useRef } from "react";

import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { useVirtual } from "~/shared/hooks/useVirtual";
import styles from "~/viewers/Grid.module.css";

const ROW_PIXELS = 24;
const LETTER_PIXELS = 7.3;
const PADDING_PIXELS = 18;
const NARROWEST_PIXELS = 56;
const WIDEST_PIXELS = 320;
const LOOKED_AT = 100;
/** Of a value, what is in the page: the rest would only be cut off by the cell, or fill the screen on hover. */
const LONGEST = 1_000;

export interface GridColumn {
  readonly name: string;
  /** What its values are, such as `INT64`; shown below the name. */
  readonly type?: string;
}

interface Properties {
  readonly label: string;
  readonly columns: readonly GridColumn[];
  readonly rowCount: number;
  /** A value as text; undefined while it is on its way, null where there is none. */
  readonly valueAt: (row: number, column: number) => string | null | undefined;
  /** Told which rows are looked at: from one to before another one. */
  readonly onRows?: (begin: number, end: number) => void;
}

/** Any number of rows and columns, of which those are made that are looked at. */
export function Grid({ label, columns, rowCount, valueAt, onRows }: Properties) {
  const scroll = useRef<HTMLDivElement>(null);
  const shapes = useMemo(
    () => columns.map((column, place) => shapeOf(column, Math.min(rowCount, LOOKED_AT), (row) => valueAt(row, place))),
    // How wide columns are is settled once, by the first rows: nothing jumps when more rows come.
    // eslint-disable-next-line react/exhaustive-deps
    [columns],
  );
  const rows = useVirtual({ count: rowCount, scroll, sizeOf: () => ROW_PIXELS, beyond: 12 });
  const across = useVirtual({
    count: columns.length,
    scroll,
    sizeOf: (place) => shapes[place]?.width ?? NARROWEST_PIXELS,
    beyond: 2,
    horizontal: true,
  });
  const shownRows = rows.getVirtualItems();
  const shownColumns = across.getVirtualItems();
  const begin = shownRows[0]?.index ?? 0;
  const end = (shownRows.at(-1)?.index ?? -1) + 1;
  const tell = useEffectEvent((from: number, to: number) => onRows?.(from, to));
  useEffect(() => tell(begin, end), [begin, end]);
  const numberWidth = PADDING_PIXELS + LETTER_PIXELS * String(rowCount).length;
  const width = numberWidth + across.getTotalSize();
  return (
    <ScrollRegion
      label={label}
      role="table"
      scrollRef={scroll}
      rowCount={rowCount + 1}
      columnCount={columns.length + 1}
      className={styles.scroll}
    >
      <div role="rowgroup" className={styles.head} style={{ width }}>
        <div role="row" aria-rowindex={1} className={styles.row}>
          <div role="columnheader" aria-colindex={1} className={styles.number} style={{ width: numberWidth }}>
            <span className="visually-hidden">Row</span>
          </div>
          {shownColumns.map(({ key, index, start, size }) => (
            <div
              key={key}
              role="columnheader"
              aria-colindex={index + 2}
              className={`${styles.cell} ${styles.name} ${shapes[index]?.isNumber === true ? styles.right : ""}`}
              style={{ left: numberWidth + start, width: size }}
              title={columns[index]?.name}
            >
              {columns[index]?.name}
              {columns[index]?.type !== undefined && <small className={styles.type}>{columns[index].type}</small>}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: rows.getTotalSize(), width }}>
        {shownRows.map((row) => (
          <div
            key={row.key}
            role="row"
            aria-rowindex={row.index + 2}
            className={styles.row}
            style={{ transform: `translateY(${row.start}px)` }}
          >
            <div role="rowheader" aria-colindex={1} className={styles.number} style={{ width: numberWidth }}>
              {row.index + 1}
            </div>
            {shownColumns.map(({ key, index, start, size }) => (
              <Cell
                key={key}
                value={valueAt(row.index, index)}
                place={index + 2}
                isNumber={shapes[index]?.isNumber === true}
                left={numberWidth + start}
                width={size}
              />
            ))}
          </div>
        ))}
      </div>
    </ScrollRegion>
  );
}

interface CellProperties {
  readonly value: string | null | undefined;
  readonly place: number;
  readonly isNumber: boolean;
  readonly left: number;
  readonly width: number;
}

function Cell({ value, place, isNumber, left, width }: CellProperties) {
  const text = value === undefined ? "…" : value === null ? "null" : value.slice(0, LONGEST);
  return (
    <div
      role="cell"
      aria-colindex={place}
      className={`${styles.cell} ${isNumber ? styles.right : ""} ${value === null || value === undefined ? styles.none : ""}`}
      style={{ left, width }}
      title={text}
    >
      {text}
    </div>
  );
}

interface Shape {
  readonly width: number;
  readonly isNumber: boolean;
}

function shapeOf(column: GridColumn, rows: number, valueAt: (row: number) => string | null | undefined): Shape {
  const values = Array.from({ length: rows }, (_, row) => valueAt(row)).filter((each) => typeof each === "string");
  const longest = values.reduce(
    (most, each) => Math.max(most, each.length),
    Math.max(column.name.length + 1, column.type?.length ?? 0),
  );
  const width = PADDING_PIXELS + Math.ceil(longest * LETTER_PIXELS);
  const filled = values.filter((each) => each !== "");
  return {
    width: Math.min(WIDEST_PIXELS, Math.max(NARROWEST_PIXELS, width)),
    isNumber: filled.length > 0 && filled.every((each) => !Number.isNaN(Number(each)) || each === "NaN"),
  };
}
