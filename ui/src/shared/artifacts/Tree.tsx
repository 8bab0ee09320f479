import { Boxes, ChevronDown, ChevronRight, File, Folder as FolderIcon, FolderOpen } from "lucide-react";
import type { KeyboardEvent } from "react";
import { useEffect, useEffectEvent, useId, useMemo, useRef, useState } from "react";

import type { Folder } from "~/shared/artifacts/queries";
import type { EntryRow, Row } from "~/shared/artifacts/rows";
import { rowBeginningWith, rowsOf } from "~/shared/artifacts/rows";
import styles from "~/shared/artifacts/Tree.module.css";
import type { Entry } from "~/shared/artifacts/tree";
import { folderOf, shownName } from "~/shared/artifacts/tree";
import { useVirtual } from "~/shared/hooks/useVirtual";

const ROW_PIXELS = 26;
const TYPING_MS = 700;

interface Properties {
  readonly top: readonly Entry[];
  readonly folders: ReadonlyMap<string, Folder>;
  readonly open: ReadonlySet<string>;
  readonly onOpen: (open: ReadonlySet<string>) => void;
  readonly path: string;
  readonly onPath: (path: string) => void;
  /** Reads the next page of a folder. */
  readonly readOn: (folder: string) => void;
}

/** Files and folders as a tree (ARIA's pattern): arrows move and open, Enter shows, letters lead to names. */
export function Tree({ top, folders, open, onOpen, path, onPath, readOn }: Properties) {
  const rows = useMemo(() => rowsOf(top, folders, open), [top, folders, open]);
  const scroll = useRef<HTMLDivElement>(null);
  const id = useId();
  const [cursor, setCursor] = useState(path);
  const [chosen, setChosen] = useState(path);
  const typed = useRef({ text: "", at: 0 });
  if (path !== chosen) {
    setChosen(path);
    if (path !== "") setCursor(path);
  }
  const virtual = useVirtual({ count: rows.length, scroll, sizeOf: () => ROW_PIXELS, beyond: 15 });
  const shown = virtual.getVirtualItems();
  const at = rows.findIndex((row) => row.key === cursor);
  const readFurther = useEffectEvent((folder: string) => readOn(folder));
  const further = shown.map((item) => rows[item.index]).find((row) => row?.kind === "more");
  const furtherKey = further?.kind === "more" ? `${further.path}\0${folders.get(further.path)?.entries.length}` : "";
  useEffect(() => {
    if (furtherKey !== "") readFurther(furtherKey.slice(0, furtherKey.indexOf("\0")));
  }, [furtherKey]);
  const reveal = useEffectEvent((key: string) => {
    const index = rows.findIndex((row) => row.key === key);
    if (index >= 0) virtual.scrollToIndex(index);
  });
  useEffect(() => reveal(path), [path]);

  const toggle = (folder: string, isOpen: boolean): void => {
    const now = new Set(open);
    if (isOpen) now.add(folder);
    else now.delete(folder);
    onOpen(now);
  };
  const moveTo = (index: number): void => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row === undefined) return;
    setCursor(row.key);
    virtual.scrollToIndex(rows.indexOf(row));
  };
  const choose = (row: EntryRow): void => {
    setCursor(row.key);
    if (row.entry.isFolder) toggle(row.entry.path, !(row.isOpen && path === row.entry.path));
    onPath(row.entry.path);
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (goByKey(event.key)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  /** Whether the key means something here. */
  const goByKey = (key: string): boolean => {
    const row = rows[at];
    const entry = row?.kind === "entry" ? row : null;
    switch (key) {
      case "ArrowDown":
        moveTo(at + 1);
        return true;
      case "ArrowUp":
        moveTo(at < 0 ? 0 : at - 1);
        return true;
      case "Home":
        moveTo(0);
        return true;
      case "End":
        moveTo(rows.length - 1);
        return true;
      case "ArrowRight":
        if (entry?.entry.isFolder === true) {
          if (entry.isOpen) moveTo(at + 1);
          else toggle(entry.entry.path, true);
        }
        return true;
      case "ArrowLeft":
        if (entry?.isOpen === true) toggle(entry.entry.path, false);
        else if (row !== undefined) moveTo(rows.findIndex((each) => each.key === parentOf(row)));
        return true;
      case "Enter":
      case " ":
        if (entry !== null) choose(entry);
        return true;
      default:
        return key.length === 1 && goByLetter(key);
    }
  };
  const goByLetter = (letter: string): boolean => {
    const now = Date.now();
    const isNew = now - typed.current.at > TYPING_MS;
    typed.current = { text: isNew ? letter : typed.current.text + letter, at: now };
    const index = rowBeginningWith(rows, isNew ? at + 1 : Math.max(0, at), typed.current.text);
    if (index >= 0) moveTo(index);
    return index >= 0;
  };
  const cursorIsThere = shown.some((item) => item.index === at);
  return (
    <div
      ref={scroll}
      role="tree"
      aria-label="Files"
      tabIndex={0}
      className={styles.tree}
      onKeyDown={onKey}
      onFocus={() => at < 0 && moveTo(0)}
      {...(cursorIsThere ? { "aria-activedescendant": `${id}-${at}` } : {})}
    >
      <div role="none" className={styles.space} style={{ height: virtual.getTotalSize() }}>
        {shown.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <TreeRow
              key={row.key}
              id={`${id}-${item.index}`}
              row={row}
              top={item.start}
              isCursor={item.index === at}
              isChosen={row.key === path}
              isModel={row.kind === "entry" && isModel(row.entry, folders)}
              onChoose={choose}
              onToggle={toggle}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Whether a folder is that of a model, as far as is known of it. */
const isModel = (entry: Entry, folders: ReadonlyMap<string, Folder>): boolean =>
  entry.model !== undefined ||
  (entry.isFolder && (folders.get(entry.path)?.entries.some((each) => each.name === "MLmodel") ?? false));

const parentOf = (row: Row): string => (row.kind === "entry" ? folderOf(row.entry.path) : row.path);

interface RowProperties {
  readonly id: string;
  readonly row: Row;
  readonly top: number;
  readonly isCursor: boolean;
  readonly isChosen: boolean;
  readonly isModel: boolean;
  readonly onChoose: (row: EntryRow) => void;
  readonly onToggle: (folder: string, isOpen: boolean) => void;
}

function TreeRow({ id, row, top, isCursor, isChosen, isModel, onChoose, onToggle }: RowProperties) {
  const place = {
    transform: `translateY(${top}px)`,
    paddingLeft: 6 + (row.level - 1) * 14 + (row.kind === "entry" ? 0 : 21),
  };
  const classes = `${styles.row} ${isChosen ? styles.chosen : ""} ${isCursor ? styles.cursor : ""}`;
  if (row.kind !== "entry") {
    return (
      <div
        id={id}
        role="treeitem"
        aria-level={row.level}
        aria-selected={false}
        aria-disabled
        className={`${classes} ${styles.note} ${row.kind === "failed" ? styles.failed : ""}`}
        style={place}
      >
        {row.text}
      </div>
    );
  }
  const { entry, isOpen } = row;
  const expanded = entry.isFolder ? { "aria-expanded": isOpen } : {};
  const Icon = isModel ? Boxes : entry.isFolder ? (isOpen ? FolderOpen : FolderIcon) : File;
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the tree has the focus and the keys of all its rows (aria-activedescendant)
    <div
      id={id}
      role="treeitem"
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.beside}
      aria-selected={isChosen}
      {...expanded}
      className={classes}
      style={place}
      title={entry.name}
      onClick={() => onChoose(row)}
    >
      <span
        aria-hidden
        className={styles.opener}
        onClick={(event) => {
          if (!entry.isFolder) return;
          event.stopPropagation();
          onToggle(entry.path, !isOpen);
        }}
      >
        {entry.isFolder && (isOpen ? <ChevronDown /> : <ChevronRight />)}
      </span>
      <Icon aria-hidden className={isModel ? styles.model : ""} />
      <span className={styles.name}>{shownName(entry.name)}</span>
      {isModel && <span className={styles.badge}>model</span>}
    </div>
  );
}
