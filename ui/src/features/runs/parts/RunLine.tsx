import { ChevronDown, ChevronRight } from "lucide-react";
import { memo } from "react";

import { colorOf } from "~/charts/colors";
import type { RunItem } from "~/features/runs/items";
import type { Layout, Placed } from "~/features/runs/layout";
import { Cell } from "~/features/runs/parts/Cell";
import { RunMenu } from "~/features/runs/parts/RunMenu";
import styles from "~/features/runs/parts/RunsGrid.module.css";
import { PathLink } from "~/shared/components/PathLink";
import { runPath } from "~/shared/links";

interface Properties {
  readonly workspace: string;
  readonly item: RunItem;
  /** Its place among all rows, from 0. */
  readonly index: number;
  /** In pixels from the top of the rows. */
  readonly top: number;
  readonly layout: Layout;
  /** Which of the columns that are not pinned are in view: from, and up to. */
  readonly from: number;
  readonly to: number;
  readonly isSelected: boolean;
  readonly isCurrent: boolean;
  /** Whether it is pointed at, or the keys are at it. */
  readonly isNear: boolean;
  /** Whether any row here has nested ones, so that names leave room for what opens them. */
  readonly isTree: boolean;
}

/** Where `aria-colindex` of columns begins: after the box that selects. */
const FIRST_COLUMN = 2;

/** A row. What is clicked in it, the table hears: `data-act` says what it does. */
export const RunLine = memo(function RunLine(properties: Properties) {
  const { workspace, item, index, top, layout, from, to, isSelected, isCurrent, isNear, isTree } = properties;
  const { row, depth, isParent, isOpen } = item;
  const shown = layout.rest.slice(from, to);
  const before = shown[0]?.left ?? 0;
  return (
    <div
      role="row"
      id={`run-${row.id}`}
      data-run={row.id}
      data-index={index}
      aria-rowindex={index + 3}
      aria-selected={isSelected}
      {...(depth > 0 || isParent ? { "aria-level": depth + 1 } : {})}
      {...(isParent ? { "aria-expanded": isOpen } : {})}
      className={`${styles.row} ${isSelected ? styles.selected : ""} ${isCurrent ? styles.current : ""}`}
      style={{ transform: `translateY(${top}px)`, width: layout.pinnedWidth + layout.restWidth }}
    >
      <div role="gridcell" aria-colindex={1} className={`${styles.pin} ${styles.check}`} style={{ left: 0 }}>
        <input
          type="checkbox"
          aria-label={`Select ${row.displayName}`}
          data-act="select"
          checked={isSelected}
          readOnly
          tabIndex={-1}
        />
      </div>
      {layout.pinned.map(({ column, left, width }, place) => (
        <div
          key={column.id}
          role={place === 0 ? "rowheader" : "gridcell"}
          aria-colindex={FIRST_COLUMN + place}
          className={`${styles.pin} ${styles.cell} ${column.isNumber ? styles.number : ""}`}
          style={{ left, width }}
        >
          {place === 0 ? (
            <>
              {isTree && <Opener item={item} />}
              <span className={styles.dot} style={{ background: colorOf(row.id) }} aria-hidden />
              <PathLink path={runPath(workspace, row.id)} className={styles.name} title={row.displayName} tabIndex={-1}>
                {row.displayName}
              </PathLink>
              {row.isDeleted && <span className={styles.deleted}>deleted</span>}
              {isNear && <RunMenu row={row} />}
            </>
          ) : (
            <Cell row={row} column={column} />
          )}
        </div>
      ))}
      {before > 0 && <div role="presentation" className={styles.gap} style={{ width: before }} />}
      {shown.map(({ column, width }: Placed, place) => (
        <div
          key={column.id}
          role="gridcell"
          aria-colindex={FIRST_COLUMN + layout.pinned.length + from + place}
          className={`${styles.cell} ${column.isNumber ? styles.number : ""}`}
          style={{ width }}
        >
          <Cell row={row} column={column} />
        </div>
      ))}
    </div>
  );
});

function Opener({ item: { row, depth, isParent, isOpen } }: { readonly item: RunItem }) {
  return (
    <span className={styles.opener} style={{ paddingLeft: depth * 16 }}>
      {isParent && (
        <button
          type="button"
          data-act="open"
          tabIndex={-1}
          aria-label={`${isOpen ? "Hide" : "Show"} the runs nested in ${row.displayName}`}
        >
          {isOpen ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
        </button>
      )}
    </span>
  );
}
