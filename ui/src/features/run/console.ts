import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { ConsoleLine } from "~/api/gen/trivet/tracking/v1/console_pb";
import { ConsoleStream } from "~/api/gen/trivet/tracking/v1/console_pb";
import { runName } from "~/api/names";
import { plain } from "~/features/run/ansi";
import { runKey } from "~/features/run/queries";
import type { ConsoleStreamName, RunSearch } from "~/features/run/search";
import { save } from "~/shared/save";

/** So many lines are read at once. */
export const PAGE_LINES = 500;
const FOLLOW_MS = 2000;
const MOST_AT_ONCE = 1000;
/** With more, a search says nothing. */
export const MOST_MATCHES = 20_000;

const consoleKey = (workspace: string, run: string): readonly unknown[] => [...runKey(workspace, run), "console"];

/** Which lines there are: from the first that is kept to before the end. */
export interface ConsoleExtent {
  readonly first: number;
  readonly end: number;
}

/** Which lines there are; while a run goes on, anew every two seconds. */
export const extentQuery = (workspace: string, run: string, isGoingOn: boolean) =>
  queryOptions({
    queryKey: [...consoleKey(workspace, run), "extent"],
    queryFn: async ({ signal }): Promise<ConsoleExtent> => {
      const found = await tracking.listConsoleLines(
        { parent: runName(workspace, run), newest: 1n, pageSize: 1 },
        { signal },
      );
      return { first: Number(found.firstNumber), end: Number(found.endNumber) };
    },
    refetchInterval: isGoingOn ? FOLLOW_MS : false,
  });

/** The lines of a page, as many as there are. Full pages never change. */
export const pageQuery = (workspace: string, run: string, page: number, end: number) =>
  queryOptions({
    queryKey: [...consoleKey(workspace, run), "page", page, Math.min(end, (page + 1) * PAGE_LINES)],
    queryFn: async ({ signal }): Promise<readonly ConsoleLine[]> => {
      const last = Math.min(end, (page + 1) * PAGE_LINES);
      const found: ConsoleLine[] = [];
      let from = page * PAGE_LINES;
      while (from < last) {
        const { lines } = await tracking.listConsoleLines(
          { parent: runName(workspace, run), minNumber: BigInt(from), pageSize: PAGE_LINES },
          { signal },
        );
        found.push(...lines.filter(({ number }) => number < last));
        const next = lines.at(-1)?.number;
        if (next === undefined) break;
        from = Number(next) + 1;
      }
      return found;
    },
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  });

/** Which lines are looked for. */
export interface ConsoleFilter {
  readonly text: string;
  readonly stream: ConsoleStreamName | null;
  readonly rank: number | null;
}

/** What the URL says is looked for; null where all lines are shown. */
export function filterOf({ q, stream, rank }: RunSearch): ConsoleFilter | null {
  if (q === undefined && stream === undefined && rank === undefined) return null;
  return { text: (q ?? "").toLowerCase(), stream: stream ?? null, rank: rank ?? null };
}

export const streamName = ({ stream }: ConsoleLine): ConsoleStreamName =>
  stream === ConsoleStream.STDERR ? "stderr" : "stdout";

const passes = (line: ConsoleLine, { text, stream, rank }: ConsoleFilter): boolean =>
  (stream === null || streamName(line) === stream) &&
  (rank === null || line.rank === rank) &&
  (text === "" || plain(line.text).toLowerCase().includes(text));

/** All lines from a number on, some at a time. */
export async function* linesFrom(
  workspace: string,
  run: string,
  from: number,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly lines: readonly ConsoleLine[]; readonly end: number }> {
  let next = from;
  for (;;) {
    const { lines, endNumber } = await tracking.listConsoleLines(
      { parent: runName(workspace, run), minNumber: BigInt(next), pageSize: MOST_AT_ONCE },
      signal === undefined ? {} : { signal },
    );
    const end = Number(endNumber);
    yield { lines, end };
    const last = lines.at(-1)?.number;
    if (last === undefined) return;
    next = Number(last) + 1;
    if (next >= end) return;
  }
}

/** How far a search has come. */
export interface Found {
  readonly lines: readonly ConsoleLine[];
  /** The number before which all lines have been looked at. */
  readonly lookedUntil: number;
}

export const NOTHING_FOUND: Found = { lines: [], lookedUntil: 0 };

/** Looks through lines from where a search has come to, and tells how far it is. */
export async function look(
  workspace: string,
  run: string,
  filter: ConsoleFilter,
  before: Found,
  tell: (found: Found) => void,
  signal: AbortSignal,
): Promise<void> {
  let found = before;
  for await (const { lines } of linesFrom(workspace, run, before.lookedUntil, signal)) {
    if (signal.aborted) return;
    const last = lines.at(-1)?.number;
    const passing = lines.filter((line) => passes(line, filter));
    found = {
      lines: passing.length === 0 ? found.lines : [...found.lines, ...passing],
      lookedUntil: last === undefined ? found.lookedUntil : Number(last) + 1,
    };
    tell(found);
    if (found.lines.length >= MOST_MATCHES) return;
  }
}

/** Saves all that is kept, as it was written. */
export async function saveConsole(workspace: string, run: string): Promise<void> {
  const parts: string[] = [];
  for await (const { lines } of linesFrom(workspace, run, 0)) {
    parts.push(lines.map(({ text, unfinished }) => (unfinished ? text : `${text}\n`)).join(""));
  }
  save(new Blob(parts, { type: "text/plain" }), `console-${run}.txt`);
}
