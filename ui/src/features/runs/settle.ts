import type { RunsPage } from "~/features/runs/queries";
import type { RunRow } from "~/features/runs/rows";

interface Settled {
  readonly pages: readonly RunsPage[];
  /** Whether a row came or went. */
  readonly isOther: boolean;
  /** Ids of runs that pass and have no place here: their order is the server's to know. */
  readonly waiting: readonly string[];
}

/**
 * Pages after some runs were asked for again. Those that pass stand where they stood; those that do not are gone; new
 * ones come in where the newest stand first.
 */
export function settled(
  pages: readonly RunsPage[],
  asked: ReadonlySet<string>,
  passing: readonly RunRow[],
  isNewestFirst: boolean,
): Settled {
  const left = new Map(passing.map((row) => [row.id, row]));
  let isOther = false;
  const kept = pages.map((page) => {
    if (!page.rows.some((row) => asked.has(row.id))) return page;
    const rows = page.rows.flatMap((row) => {
      if (!asked.has(row.id)) return row;
      const now = left.get(row.id);
      left.delete(row.id);
      if (now === undefined) isOther = true;
      return now ?? [];
    });
    return { ...page, rows };
  });
  if (!isNewestFirst) return { pages: kept, isOther, waiting: [...left.keys()] };
  let result = kept;
  for (const row of left.values()) {
    const more = inserted(result, row);
    isOther ||= more !== null;
    result = more ?? result;
  }
  return { pages: result, isOther, waiting: [] };
}

/** Pages, the newest first, with one more row; null where that belongs to a page that has not been read. */
function inserted(pages: readonly RunsPage[], row: RunRow): RunsPage[] | null {
  for (const [number, page] of pages.entries()) {
    const place = page.rows.findIndex((each) => isBefore(row, each));
    if (place >= 0) return pages.with(number, { ...page, rows: page.rows.toSpliced(place, 0, row) });
  }
  const last = pages.at(-1);
  if (last === undefined || last.next !== null) return null;
  return pages.with(pages.length - 1, { ...last, rows: [...last.rows, row] });
}

/** The server's order where nothing else is asked for: `start_time DESC, run_id ASC`. */
function isBefore(one: RunRow, other: RunRow): boolean {
  const [first, second] = [one.start ?? 0, other.start ?? 0];
  return first === second ? one.id < other.id : first > second;
}
