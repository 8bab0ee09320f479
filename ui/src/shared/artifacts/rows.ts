import type { Folder } from "~/shared/artifacts/queries";
import type { Entry } from "~/shared/artifacts/tree";

/** A line of the tree. */
export type Row = EntryRow | NoteRow;

export interface EntryRow {
  readonly kind: "entry";
  readonly key: string;
  readonly entry: Entry;
  /** From 1 on. */
  readonly level: number;
  /** Its number among those beside it, from 1 on, and how many there are so far. */
  readonly place: number;
  readonly beside: number;
  readonly isOpen: boolean;
}

/** What stands for things that are not there: those that are read, could not be read, or are read when it is seen. */
export interface NoteRow {
  readonly kind: "reading" | "failed" | "more" | "empty";
  readonly key: string;
  readonly level: number;
  /** The folder. */
  readonly path: string;
  readonly text: string;
}

/** The lines of a tree: what is at its top, and below each folder that is open what is in it. */
export function rowsOf(
  top: readonly Entry[],
  folders: ReadonlyMap<string, Folder>,
  open: ReadonlySet<string>,
): readonly Row[] {
  const rows: Row[] = [];
  const add = (path: string, entries: readonly Entry[], level: number): void => {
    for (const [index, entry] of entries.entries()) {
      const isOpen = entry.isFolder && open.has(entry.path);
      rows.push({ kind: "entry", key: entry.path, entry, level, place: index + 1, beside: entries.length, isOpen });
      if (isOpen) add(entry.path, folders.get(entry.path)?.entries ?? [], level + 1);
    }
    const note = noteOf(folders.get(path), entries.length);
    if (note !== null) rows.push({ ...note, key: `${path}\0${note.kind}`, level, path });
  };
  add("", top, 1);
  return rows;
}

function noteOf(folder: Folder | undefined, count: number): Pick<NoteRow, "kind" | "text"> | null {
  if (folder === undefined || folder.isLoading) return { kind: "reading", text: "Reading…" };
  if (folder.failure !== null) return { kind: "failed", text: folder.failure.message };
  if (folder.hasMore) return { kind: "more", text: "Reading more…" };
  return count === 0 ? { kind: "empty", text: "Nothing in it" } : null;
}

/** The first row from a place on, and around, whose name begins with what was typed; -1 where none does. */
export function rowBeginningWith(rows: readonly Row[], from: number, typed: string): number {
  const begins = (row: Row | undefined): boolean =>
    row?.kind === "entry" && row.entry.name.toLowerCase().startsWith(typed.toLowerCase());
  for (let step = 0; step < rows.length; step += 1) {
    const index = (from + step) % rows.length;
    if (begins(rows[index])) return index;
  }
  return -1;
}
