import { ArrowDownNarrowWide, ArrowLeftToLine, ArrowUpNarrowWide, Star, X } from "lucide-react";
import type { PointerEvent, UIEvent } from "react";
import { memo, useRef, useState } from "react";

import { useSize } from "~/charts/canvas";
import { colorOf } from "~/charts/colors";
import type { ComparedRun } from "~/features/compare/comparison";
import styles from "~/features/compare/parts/ComparisonTable.module.css";
import type { Line } from "~/features/compare/rows";
import { nameOf, shownIn, textIn } from "~/features/compare/rows";
import type { Best } from "~/features/compare/search";
import { IconButton } from "~/shared/components/Button";
import { runPath } from "~/shared/links";

interface Properties {
  readonly workspace: string;
  readonly runs: readonly ComparedRun[];
  readonly lines: readonly Line[];
  readonly hovered: string | null;
  readonly onHover: (id: string | null) => void;
  readonly onOpen: (id: string) => void;
  readonly onRemove: (id: string) => void;
  /** Makes a run the one that others are compared with. */
  readonly onFirst: (id: string) => void;
  readonly onBest: (key: string, best: Best) => void;
}

const KEY_WIDTH = 220;
const NARROWEST = 132;
const WIDEST = 320;
const HEAD = 32;
const ROW = 26;
/** So many more are made before somebody scrolls to them. */
const AROUND = 4;

/** Runs as columns, with what they have as lines. Only what is in view is made, and nothing while somebody brushes. */
export const ComparisonTable = memo(function ComparisonTable(properties: Properties) {
  const { workspace, runs, lines, hovered, onHover, onOpen, onRemove, onFirst, onBest } = properties;
  const scroll = useRef<HTMLDivElement>(null);
  const size = useSize(scroll);
  const width = Math.min(WIDEST, Math.max(NARROWEST, ((size?.width ?? 0) - KEY_WIDTH) / Math.max(1, runs.length)));
  // Where the view begins, in rows and columns: all of them are of one size.
  const [view, setView] = useState({ row: 0, column: 0 });
  const onScroll = ({ currentTarget: { scrollTop, scrollLeft } }: UIEvent<HTMLElement>): void => {
    const [row, column] = [Math.floor(scrollTop / ROW), Math.floor(scrollLeft / width)];
    if (row !== view.row || column !== view.column) setView({ row, column });
  };
  const total = KEY_WIDTH + width * runs.length;
  const columns = within(view.column, ((size?.width ?? 0) - KEY_WIDTH) / width, runs.length).flatMap((index) => {
    const run = runs[index];
    return run === undefined ? [] : [{ run, index, left: KEY_WIDTH + width * index }];
  });
  const point = (event: PointerEvent<HTMLElement>): void => {
    const cell = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-run]") : null;
    onHover(cell?.dataset["run"] ?? null);
  };
  return (
    <div
      ref={scroll}
      className={styles.scroll}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keys
      tabIndex={0}
      role="region"
      aria-label="Table of the comparison"
      onScroll={onScroll}
    >
      <div
        role="table"
        aria-label="Comparison"
        aria-rowcount={lines.length + 1}
        aria-colcount={runs.length + 1}
        className={styles.table}
        style={{ width: total, height: HEAD + ROW * lines.length }}
        onPointerOver={point}
        onPointerLeave={() => onHover(null)}
      >
        <div role="row" aria-rowindex={1} className={styles.head} style={{ height: HEAD }}>
          <div role="columnheader" className={styles.key} style={{ width: KEY_WIDTH }}>
            {runs.length === 1 ? "1 run" : `${runs.length} runs`}
          </div>
          {columns.map(({ run, index, left }) => (
            <div
              key={run.id}
              role="columnheader"
              aria-colindex={index + 2}
              data-run={run.id}
              className={`${styles.run} ${run.id === hovered ? styles.hovered : ""}`}
              style={{ left, width }}
            >
              <span aria-hidden className={styles.dot} style={{ background: colorOf(run.id) }} />
              <a
                href={runPath(workspace, run.id)}
                title={run.name}
                onClick={(event) => {
                  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                  event.preventDefault();
                  onOpen(run.id);
                }}
              >
                {run.name}
              </a>
              {index > 0 && (
                <IconButton
                  label={`Compare the others with ${run.name}`}
                  icon={<ArrowLeftToLine />}
                  className={styles.more ?? ""}
                  onClick={() => onFirst(run.id)}
                />
              )}
              <IconButton
                label={`Remove ${run.name}`}
                icon={<X />}
                className={styles.more ?? ""}
                onClick={() => onRemove(run.id)}
              />
            </div>
          ))}
        </div>
        {within(view.row, ((size?.height ?? 0) - HEAD) / ROW, lines.length).map((place) => {
          const line = lines[place];
          if (line === undefined) return null;
          return (
            <div
              key={line.id}
              role="row"
              aria-rowindex={place + 2}
              className={`${styles.row} ${line.kind === "heading" ? styles.heading : ""}`}
              style={{ top: HEAD + ROW * place, width: total, height: ROW }}
            >
              <div role="rowheader" className={styles.key} style={{ width: KEY_WIDTH }}>
                <LineHead line={line} onBest={onBest} />
              </div>
              {line.kind !== "heading" &&
                columns.map(({ run, index, left }) => (
                  <Cell
                    key={run.id}
                    line={line}
                    run={run}
                    index={index}
                    left={left}
                    width={width}
                    isHovered={run.id === hovered}
                  />
                ))}
            </div>
          );
        })}
      </div>
    </div>
  );
});

/** The places in view, and some around it. */
function within(first: number, inView: number, count: number): number[] {
  const from = Math.max(0, Math.min(first, count - inView) - AROUND);
  const to = Math.min(count, first + Math.ceil(inView) + AROUND);
  return Array.from({ length: Math.max(0, to - Math.floor(from)) }, (_, place) => Math.floor(from) + place);
}

function LineHead({ line, onBest }: { readonly line: Line; readonly onBest: Properties["onBest"] }) {
  if (line.kind === "heading") {
    return (
      <>
        {line.title}
        <span className={styles.count}>{line.shown === line.of ? line.of : `${line.shown} of ${line.of}`}</span>
      </>
    );
  }
  const name = nameOf(line);
  return (
    <>
      <span className={styles.name} title={name}>
        {line.kind === "numbers" && line.of !== "last" ? <span className={styles.figure}>{line.of}</span> : name}
      </span>
      {line.row.differs && (
        <span className={styles.differs} title="Differs between these runs">
          <span aria-hidden>≠</span>
          <span className="visually-hidden"> differs</span>
        </span>
      )}
      {line.kind === "numbers" && line.of === "last" && (
        <IconButton
          className={styles.best ?? ""}
          label={line.best === "min" ? `Of ${name}, less is better` : `Of ${name}, more is better`}
          icon={line.best === "min" ? <ArrowDownNarrowWide /> : <ArrowUpNarrowWide />}
          onClick={() => onBest(line.row.key, line.best === "min" ? "max" : "min")}
        />
      )}
    </>
  );
}

interface CellProperties {
  readonly line: Exclude<Line, { readonly kind: "heading" }>;
  readonly run: ComparedRun;
  readonly index: number;
  readonly left: number;
  readonly width: number;
  readonly isHovered: boolean;
}

function Cell({ line, run, index, left, width, isHovered }: CellProperties) {
  const text = textIn(line, index);
  const isNumber = line.kind === "numbers";
  const isBest = isNumber && line.bestValue !== null && line.row[line.of][index] === line.bestValue;
  // Measured numbers differ nearly always: to mark them all says nothing.
  const isOther = !isNumber && line.row.kind !== "attribute" && line.row.values[index] !== line.row.values[0];
  return (
    <div
      role="cell"
      aria-colindex={index + 2}
      data-run={run.id}
      className={`${styles.cell} ${isNumber ? styles.number : ""} ${isOther ? styles.other : ""} ${isBest ? styles.isBest : ""} ${isHovered ? styles.hovered : ""}`}
      style={{ left, width }}
      title={isOther ? `${text || "nothing"}: not what the first run has` : text}
    >
      {isBest && <Star role="img" aria-label="best" />}
      <span>{shownIn(line, index) || "—"}</span>
    </div>
  );
}
