import type { KeyboardEvent, MouseEvent, Ref, RefObject } from "react";
import { useEffect, useEffectEvent, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { RunItem } from "~/features/runs/items";
import type { Layout } from "~/features/runs/layout";
import { CHECK_WIDTH } from "~/features/runs/layout";
import type { ColumnChanges } from "~/features/runs/parts/HeaderCell";
import { HeaderCell } from "~/features/runs/parts/HeaderCell";
import { RunLine } from "~/features/runs/parts/RunLine";
import styles from "~/features/runs/parts/RunsGrid.module.css";
import { useRowHeight } from "~/shared/hooks/useRowHeight";
import { useViewport } from "~/shared/hooks/useViewport";

const GROUP_HEIGHT = 20;
const ROWS_BEYOND = 8;
const ROWS_AHEAD = 60;
const COLUMNS_BEYOND = 2;
const GROUP_LABELS = { attributes: "Attributes", metrics: "Metrics", params: "Params", tags: "Tags" } as const;

/** What keys outside the table do to it. */
export interface GridHandle {
  /** Moves the current row by some places. */
  readonly move: (by: number) => void;
  /** The id of the current run; null where there is none. */
  readonly current: () => string | null;
}

interface Properties {
  readonly workspace: string;
  readonly items: readonly RunItem[];
  /** How many rows there are, with those that have not been read. */
  readonly count: number;
  readonly isTree: boolean;
  readonly layout: Layout;
  readonly order: { readonly id: string; readonly isDescending: boolean } | null;
  readonly changes: ColumnChanges;
  readonly selected: ReadonlySet<string>;
  /** Whether newer rows are on their way: those that are there stay, dimmed. */
  readonly isStale: boolean;
  /** Changes where the rows are others: then the table begins at its top. */
  readonly question: string;
  readonly onPull: (id: string, width: number) => void;
  /** Asked for more rows than so many, when those that there are end near what is seen. */
  readonly onNeed: (known: number) => void;
  /** Selects a run or no more; with all from the last one on. */
  readonly onSelect: (id: string, isRange: boolean) => void;
  readonly onSelectAll: () => void;
  readonly onToggleOpen: (id: string) => void;
  readonly onOpenRun: (id: string) => void;
  readonly handle: Ref<GridHandle>;
}

/** Runs in rows. Only what is in view is made, of rows and of columns. */
export function RunsGrid(properties: Properties) {
  const { workspace, items, count, isTree, layout, order, changes, selected, isStale, question } = properties;
  const { onPull, onNeed, onSelect, onSelectAll, onToggleOpen, onOpenRun, handle } = properties;
  const scroll = useRef<HTMLDivElement>(null);
  const [currentId, setCurrentId] = useState<string | null>(null);
  const [pointedId, setPointedId] = useState<string | null>(null);
  const rowHeight = useRowHeight();
  const headHeight = GROUP_HEIGHT + rowHeight;
  const view = useViewport(scroll);
  const places = useMemo(() => new Map(items.map((item, index) => [item.row.id, index])), [items]);

  useKeptPlace(scroll, items, places, rowHeight, question);

  const firstShown = Math.max(Math.floor(view.top / rowHeight) - ROWS_BEYOND, 0);
  const lastShown = Math.min(Math.ceil((view.top + view.height) / rowHeight) + ROWS_BEYOND, count - 1);
  const shownRows = Array.from({ length: Math.max(lastShown - firstShown + 1, 0) }, (_, place) => firstShown + place);
  const need = useEffectEvent(onNeed);
  const isShort = lastShown > items.length - ROWS_AHEAD;
  useEffect(() => {
    if (isShort) need(items.length);
  }, [isShort, items.length]);
  const { from, to } = inView(layout, view.left, view.left + view.width - layout.pinnedWidth);

  const showRow = (index: number): void => {
    const [top, seen] = [index * rowHeight, view.height - headHeight];
    const now = scroll.current?.scrollTop ?? 0;
    if (top < now) scroll.current?.scrollTo({ top });
    else if (top + rowHeight > now + seen) scroll.current?.scrollTo({ top: top + rowHeight - seen });
  };
  const move = (by: number): void => {
    const now = currentId === null ? undefined : places.get(currentId);
    const next = now === undefined ? 0 : Math.min(Math.max(now + by, 0), items.length - 1);
    const item = items[next];
    if (item === undefined) return;
    setCurrentId(item.row.id);
    showRow(next);
    scroll.current?.focus({ preventScroll: true });
  };
  useImperativeHandle(handle, () => ({ move, current: () => currentId }));

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      move(step);
    } else if (currentId !== null && event.key === "Enter") {
      onOpenRun(currentId);
    } else if (currentId !== null && event.key === " ") {
      event.preventDefault();
      onSelect(currentId, event.shiftKey);
    } else if (currentId !== null && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const item = items[places.get(currentId) ?? -1];
      if (item?.isParent !== true || item.isOpen === (event.key === "ArrowRight")) return;
      event.preventDefault();
      onToggleOpen(currentId);
    }
  };
  const onClick = (event: MouseEvent<HTMLDivElement>): void => {
    const id = runAt(event.target);
    if (id === null || !(event.target instanceof Element)) return;
    const act = event.target.closest("[data-act]")?.getAttribute("data-act");
    if (act === "select") onSelect(id, event.shiftKey);
    else if (act === "open") onToggleOpen(id);
    else if (event.target.closest("a") === null) setCurrentId(id);
  };

  const sortedBy = (id: string): "ascending" | "descending" | null =>
    order?.id !== id ? null : order.isDescending ? "descending" : "ascending";
  const width = layout.pinnedWidth + layout.restWidth;
  const isAllSelected = items.length > 0 && items.every(({ row }) => selected.has(row.id));
  return (
    <div
      ref={scroll}
      role="treegrid"
      aria-label="Runs"
      aria-rowcount={count + 2}
      aria-colcount={layout.pinned.length + layout.rest.length + 1}
      aria-multiselectable
      aria-busy={isStale}
      {...(currentId === null || !shownRows.some((index) => items[index]?.row.id === currentId)
        ? {}
        : { "aria-activedescendant": `run-${currentId}` })}
      tabIndex={0}
      className={`${styles.scroll} ${isStale ? styles.stale : ""}`}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onPointerOver={(event) => {
        // Not what is over the menu of a row: that is no part of the table, and React passes it on all the same.
        if (event.target instanceof Node && event.currentTarget.contains(event.target)) {
          setPointedId(runAt(event.target));
        }
      }}
      onPointerLeave={() => setPointedId(null)}
    >
      <div role="rowgroup" className={styles.head} style={{ width }}>
        <div role="row" aria-rowindex={1} className={styles.groups} style={{ height: GROUP_HEIGHT }}>
          <div role="columnheader" className={styles.pin} style={{ left: 0, width: layout.pinnedWidth }}>
            <span className="visually-hidden">Runs</span>
          </div>
          {layout.spans.map(({ group, left, width }) => (
            <div
              key={group}
              role="columnheader"
              className={styles.span}
              style={{ left: layout.pinnedWidth + left, width }}
            >
              <span className={styles.spanLabel} style={{ left: layout.pinnedWidth }}>
                {GROUP_LABELS[group]}
              </span>
            </div>
          ))}
        </div>
        <div role="row" aria-rowindex={2} className={styles.heads} style={{ height: rowHeight }}>
          <div role="columnheader" aria-colindex={1} className={`${styles.pin} ${styles.check}`} style={{ left: 0 }}>
            <input
              type="checkbox"
              aria-label="Select all rows that were read"
              checked={isAllSelected}
              onChange={onSelectAll}
            />
          </div>
          {layout.pinned.map(({ column, left, width }, place) => (
            <HeaderCell
              key={column.id}
              column={column}
              width={width}
              index={2 + place}
              isPinned
              sorted={sortedBy(column.id)}
              className={`${styles.pin} ${styles.cell}`}
              style={{ left, width }}
              changes={changes}
              onPull={onPull}
            />
          ))}
          <div role="presentation" className={styles.gap} style={{ width: layout.rest[from]?.left ?? 0 }} />
          {layout.rest.slice(from, to).map(({ column, width }, place) => (
            <HeaderCell
              key={column.id}
              column={column}
              width={width}
              index={2 + layout.pinned.length + from + place}
              isPinned={false}
              sorted={sortedBy(column.id)}
              className={styles.cell ?? ""}
              style={{ width }}
              changes={changes}
              onPull={onPull}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: count * rowHeight, width }}>
        {shownRows.map((index) => {
          const item = items[index];
          return item === undefined ? (
            <Unread key={`unread-${index}`} index={index} top={index * rowHeight} width={width} />
          ) : (
            <RunLine
              key={item.row.id}
              workspace={workspace}
              item={item}
              index={index}
              top={index * rowHeight}
              layout={layout}
              from={from}
              to={to}
              isSelected={selected.has(item.row.id)}
              isCurrent={item.row.id === currentId}
              isNear={item.row.id === currentId || item.row.id === pointedId}
              isTree={isTree}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Which of the columns that are not pinned are in view: from, and up to. In pixels from where the pinned ones end. */
function inView({ rest }: Layout, left: number, right: number): { readonly from: number; readonly to: number } {
  const first = rest.findIndex((column) => column.left + column.width > left);
  const last = rest.findLastIndex((column) => column.left < right);
  return { from: Math.max(first - COLUMNS_BEYOND, 0), to: Math.min(last + 1 + COLUMNS_BEYOND, rest.length) };
}

/** A row that is on its way. */
function Unread({ index, top, width }: { readonly index: number; readonly top: number; readonly width: number }) {
  return (
    <div
      role="row"
      aria-rowindex={index + 3}
      className={`${styles.row} ${styles.unread}`}
      style={{ transform: `translateY(${top}px)`, width }}
    >
      <div role="gridcell" className={styles.pin} style={{ left: CHECK_WIDTH }}>
        <span className="visually-hidden">Loading</span>
      </div>
    </div>
  );
}

const runAt = (target: EventTarget): string | null =>
  target instanceof Element ? (target.closest("[data-run]")?.getAttribute("data-run") ?? null) : null;

/**
 * Keeps what is looked at where it is while rows come and go above it. At the top, new rows are let in; where the rows
 * are the answer to another question, the table begins at its top.
 */
function useKeptPlace(
  scroll: RefObject<HTMLDivElement | null>,
  items: readonly RunItem[],
  places: ReadonlyMap<string, number>,
  rowHeight: number,
  question: string,
): void {
  const seen = useRef({ items, question });
  useLayoutEffect(() => {
    const { items: before, question: asked } = seen.current;
    seen.current = { items, question };
    const element = scroll.current;
    if (element === null || before === items || element.scrollTop === 0) return;
    if (asked !== question) {
      element.scrollTo({ top: 0 });
      return;
    }
    const first = Math.floor(element.scrollTop / rowHeight);
    const id = before[first]?.row.id;
    const now = id === undefined ? undefined : places.get(id);
    if (now !== undefined && now !== first) element.scrollBy({ top: (now - first) * rowHeight });
  }, [scroll, items, places, rowHeight, question]);
}
