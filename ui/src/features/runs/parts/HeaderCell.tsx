import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp, ChevronDown, EyeOff, Pin, PinOff } from "lucide-react";
import type { CSSProperties, KeyboardEvent, PointerEvent } from "react";
import { useState } from "react";

import type { RunColumn } from "~/features/runs/columns";
import { METRIC_PARTS, metricColumn, NAME } from "~/features/runs/columns";
import styles from "~/features/runs/parts/RunsGrid.module.css";
import { clamped, NARROWEST, WIDEST } from "~/features/runs/search";
import { IconButton } from "~/shared/components/Button";
import type { MenuItem } from "~/shared/components/Menu";
import { Menu } from "~/shared/components/Menu";

/** What can be done with columns. */
export interface ColumnChanges {
  /** Sorts by a column; null for the order that there is without one. */
  readonly onOrder: (id: string | null, isDescending: boolean) => void;
  readonly onMove: (id: string, by: number) => void;
  /** Puts one where another is. */
  readonly onPut: (id: string, target: string) => void;
  readonly onPin: (id: string, isPinned: boolean) => void;
  readonly onHide: (id: string) => void;
  /** Shows another one in its place. */
  readonly onReplace: (id: string, by: string) => void;
  /** Null for the width that it has by itself. */
  readonly onResize: (id: string, width: number | null) => void;
}

interface Properties {
  readonly column: RunColumn;
  readonly width: number;
  readonly index: number;
  readonly isPinned: boolean;
  /** Whether rows are sorted by it, and how. */
  readonly sorted: "ascending" | "descending" | null;
  readonly className: string;
  readonly style: CSSProperties;
  readonly changes: ColumnChanges;
  /** Told the width while somebody pulls. */
  readonly onPull: (id: string, width: number) => void;
}

const KEY_STEP = 16;
const DRAGGED = "application/x-trivet-column";

/** The head of a column: sorts, moves, resizes and hides it. */
export function HeaderCell({ column, width, index, isPinned, sorted, className, style, changes, onPull }: Properties) {
  // A menu in each of hundreds of heads would be slow.
  const [isNear, setNear] = useState(false);
  const isFixed = column.id === NAME;
  return (
    <div
      role="columnheader"
      tabIndex={-1}
      aria-colindex={index}
      data-column={column.id}
      {...(sorted === null ? {} : { "aria-sort": sorted })}
      className={`${className} ${column.isNumber ? styles.number : ""}`}
      style={style}
      onPointerEnter={() => setNear(true)}
      onFocus={() => setNear(true)}
      draggable={!isFixed}
      onDragStart={(event) => {
        event.dataTransfer.setData(DRAGGED, column.id);
        event.dataTransfer.effectAllowed = "move";
      }}
      onDragOver={(event) => {
        if (!isFixed && event.dataTransfer.types.includes(DRAGGED)) event.preventDefault();
      }}
      onDrop={(event) => {
        event.preventDefault();
        changes.onPut(event.dataTransfer.getData(DRAGGED), column.id);
      }}
    >
      <SortLabel column={column} sorted={sorted} onOrder={changes.onOrder} />
      <span className={styles.menuPlace}>
        {isNear && (
          <Menu
            trigger={
              <IconButton label={`Column ${column.label}`} icon={<ChevronDown />} className={styles.columnMenu ?? ""} />
            }
            items={menuOf(column, isPinned, changes)}
          />
        )}
      </span>
      <Handle column={column} width={width} onPull={onPull} onResize={changes.onResize} />
    </div>
  );
}

interface SortProperties {
  readonly column: RunColumn;
  readonly sorted: Properties["sorted"];
  readonly onOrder: ColumnChanges["onOrder"];
}

function SortLabel({ column, sorted, onOrder }: SortProperties) {
  if (column.orderName === null) {
    return (
      <span className={styles.label} title={column.label}>
        {column.label}
      </span>
    );
  }
  const next = (): void => {
    if (sorted === "ascending") onOrder(null, false);
    else onOrder(column.id, sorted === null);
  };
  return (
    <button type="button" className={styles.sort} title={column.label} onClick={next}>
      <span className={styles.label}>{column.label}</span>
      {sorted === "descending" && <ArrowDown aria-hidden />}
      {sorted === "ascending" && <ArrowUp aria-hidden />}
    </button>
  );
}

function menuOf(column: RunColumn, isPinned: boolean, changes: ColumnChanges): MenuItem[] {
  const { id, key, part } = column;
  const isFixed = id === NAME;
  const orders: MenuItem[] =
    column.orderName === null
      ? []
      : [
          { id: "down", label: "Sort, largest first", icon: <ArrowDown />, onChoose: () => changes.onOrder(id, true) },
          { id: "up", label: "Sort, smallest first", icon: <ArrowUp />, onChoose: () => changes.onOrder(id, false) },
        ];
  const parts: MenuItem[] =
    column.group === "metrics"
      ? METRIC_PARTS.filter((other) => other !== part).map((other) => ({
          id: other,
          label: `Show the ${other} value`,
          onChoose: () => changes.onReplace(id, metricColumn(key, other)),
        }))
      : [];
  const places: MenuItem[] = isFixed
    ? []
    : [
        {
          id: "pin",
          label: isPinned ? "Unpin" : "Pin at the left",
          icon: isPinned ? <PinOff /> : <Pin />,
          onChoose: () => changes.onPin(id, !isPinned),
        },
        { id: "left", label: "Move left", icon: <ArrowLeft />, onChoose: () => changes.onMove(id, -1) },
        { id: "right", label: "Move right", icon: <ArrowRight />, onChoose: () => changes.onMove(id, 1) },
        { id: "hide", label: "Hide", icon: <EyeOff />, onChoose: () => changes.onHide(id) },
      ];
  return [...orders, ...parts, ...places];
}

interface HandleProperties {
  readonly column: RunColumn;
  readonly width: number;
  readonly onPull: (id: string, width: number) => void;
  readonly onResize: ColumnChanges["onResize"];
}

/** The edge that is pulled, or moved by keys. */
function Handle({ column, width, onPull, onResize }: HandleProperties) {
  const [pull, setPull] = useState<{ readonly from: number; readonly width: number } | null>(null);
  const at = (event: PointerEvent): number => (pull === null ? width : clamped(pull.width + event.clientX - pull.from));
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowLeft" ? -KEY_STEP : event.key === "ArrowRight" ? KEY_STEP : 0;
    if (step === 0) return;
    event.preventDefault();
    event.stopPropagation();
    onResize(column.id, clamped(width + step));
  };
  return (
    // A separator that has the focus is a widget: https://www.w3.org/TR/wai-aria-1.2/#separator
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={`Width of ${column.label}`}
      aria-valuenow={width}
      aria-valuemin={NARROWEST}
      aria-valuemax={WIDEST}
      tabIndex={0}
      className={styles.handle}
      draggable
      onDragStart={(event) => {
        // Pulling is not dragging the column.
        event.preventDefault();
        event.stopPropagation();
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setPull({ from: event.clientX, width });
      }}
      onPointerMove={(event) => {
        if (pull !== null) onPull(column.id, at(event));
      }}
      onPointerUp={(event) => {
        if (pull !== null && event.clientX !== pull.from) onResize(column.id, at(event));
        setPull(null);
      }}
      onDoubleClick={() => onResize(column.id, null)}
      onKeyDown={onKeyDown}
    />
  );
}
