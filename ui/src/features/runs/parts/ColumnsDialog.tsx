import { useInfiniteQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, Pin, PinOff, RotateCcw, X } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { MetricPart } from "~/features/runs/columns";
import {
  ATTRIBUTE_IDS,
  columnOf,
  columnsOf,
  METRIC_PARTS,
  metricColumn,
  paramColumn,
  tagColumn,
} from "~/features/runs/columns";
import styles from "~/features/runs/parts/ColumnsDialog.module.css";
import { Button, IconButton } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Problem } from "~/shared/components/Problem";
import { useSettled } from "~/shared/hooks/useSettled";
import type { KeyKind, Scope } from "~/shared/runs/queries";
import { keysQuery } from "~/shared/runs/queries";

const TYPING_MS = 120;

interface Properties {
  readonly scope: Scope;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** Ids of the columns that are shown. */
  readonly ids: readonly string[];
  readonly pinned: readonly string[];
  readonly onColumns: (ids: readonly string[]) => void;
  readonly onMove: (id: string, by: number) => void;
  readonly onPin: (id: string, isPinned: boolean) => void;
  /** Goes back to the columns that are shown where nobody has chosen. */
  readonly onReset: () => void;
}

/** Which columns are shown, among all that there could be. */
export function ColumnsDialog(properties: Properties) {
  return (
    <Dialog title="Columns" isOpen={properties.isOpen} onClose={properties.onClose} width="wide">
      <Chooser {...properties} />
    </Dialog>
  );
}

function Chooser({ scope, onClose, ids, pinned, onColumns, onMove, onPin, onReset }: Properties) {
  const [typed, setTyped] = useState("");
  const contains = useSettled(typed.trim(), TYPING_MS);
  const shown = new Set(ids);
  const toggle = (id: string): void => onColumns(shown.has(id) ? ids.filter((each) => each !== id) : [...ids, id]);
  const attributes = ATTRIBUTE_IDS.filter((id) => columnOf(id)?.label.toLowerCase().includes(contains.toLowerCase()));
  return (
    <>
      <div className={styles.panes}>
        <section className={styles.pane} aria-label="All columns">
          <input
            type="search"
            aria-label="Search columns"
            placeholder="Search metrics, params, tags"
            autoFocus
            className={styles.search}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <div className={styles.list}>
            <Keys kind="metrics" title="Metrics" {...{ scope, contains, shown, onToggle: toggle }} />
            <Keys kind="params" title="Params" {...{ scope, contains, shown, onToggle: toggle }} />
            <Keys kind="tags" title="Tags" {...{ scope, contains, shown, onToggle: toggle }} />
            {attributes.length > 0 && <h3 className={styles.title}>Attributes</h3>}
            {attributes.map((id) => (
              <Choice key={id} id={id} label={columnOf(id)?.label ?? id} isChosen={shown.has(id)} onToggle={toggle} />
            ))}
          </div>
        </section>
        <section className={styles.pane} aria-label="Shown columns">
          <h3 className={styles.title}>Shown, {ids.length}</h3>
          <ol className={styles.list}>
            {columnsOf(ids).map((column) => {
              const isPinned = pinned.includes(column.id);
              return (
                <li key={column.id} className={styles.shown}>
                  <span className={styles.label} title={column.label}>
                    {column.label}
                  </span>
                  <span className={styles.group}>{column.group}</span>
                  <IconButton
                    label={`${isPinned ? "Unpin" : "Pin"} ${column.label}`}
                    icon={isPinned ? <PinOff /> : <Pin />}
                    onClick={() => onPin(column.id, !isPinned)}
                  />
                  <IconButton
                    label={`Move ${column.label} left`}
                    icon={<ArrowUp />}
                    onClick={() => onMove(column.id, -1)}
                  />
                  <IconButton
                    label={`Move ${column.label} right`}
                    icon={<ArrowDown />}
                    onClick={() => onMove(column.id, 1)}
                  />
                  <IconButton label={`Hide ${column.label}`} icon={<X />} onClick={() => toggle(column.id)} />
                </li>
              );
            })}
          </ol>
        </section>
      </div>
      <DialogActions>
        <Button icon={<RotateCcw />} onClick={onReset}>
          As at first
        </Button>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </DialogActions>
    </>
  );
}

interface KeysProperties {
  readonly scope: Scope;
  readonly kind: KeyKind;
  readonly title: string;
  readonly contains: string;
  readonly shown: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
}

/** The keys of one kind that hold what was typed. */
function Keys({ scope, kind, title, contains, shown, onToggle }: KeysProperties) {
  const found = useInfiniteQuery(keysQuery(scope, kind, contains));
  const keys = found.data?.pages.flatMap((page) => page.keys) ?? [];
  if (found.isSuccess && keys.length === 0) return null;
  return (
    <>
      <h3 className={styles.title}>{title}</h3>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {keys.map((key) =>
        kind === "metrics" ? (
          <Metric key={key} name={key} shown={shown} onToggle={onToggle} />
        ) : (
          <Choice
            key={key}
            id={kind === "params" ? paramColumn(key) : tagColumn(key)}
            label={key}
            isChosen={shown.has(kind === "params" ? paramColumn(key) : tagColumn(key))}
            onToggle={onToggle}
          />
        ),
      )}
      {found.hasNextPage && (
        <Button kind="quiet" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          More {title.toLowerCase()}
        </Button>
      )}
    </>
  );
}

interface ChoiceProperties {
  readonly id: string;
  readonly label: string;
  readonly isChosen: boolean;
  readonly onToggle: (id: string) => void;
}

function Choice({ id, label, isChosen, onToggle }: ChoiceProperties) {
  return (
    <label className={styles.choice} title={label}>
      <input type="checkbox" checked={isChosen} onChange={() => onToggle(id)} />
      <span className={styles.label}>{label}</span>
    </label>
  );
}

interface MetricProperties {
  readonly name: string;
  readonly shown: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
}

/** A metric: its last, its smallest and its largest value are columns of their own. */
function Metric({ name, shown, onToggle }: MetricProperties) {
  const others: readonly MetricPart[] = METRIC_PARTS.filter((part) => part !== "last");
  return (
    <div className={styles.metric}>
      <Choice id={metricColumn(name)} label={name} isChosen={shown.has(metricColumn(name))} onToggle={onToggle} />
      {others.map((part) => (
        <label key={part} className={styles.part}>
          <input
            type="checkbox"
            aria-label={`${name} ${part}`}
            checked={shown.has(metricColumn(name, part))}
            onChange={() => onToggle(metricColumn(name, part))}
          />
          {part}
        </label>
      ))}
    </div>
  );
}
