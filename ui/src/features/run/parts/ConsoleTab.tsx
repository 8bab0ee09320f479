import { useQueries, useQuery } from "@tanstack/react-query";
import { ArrowDownToLine, Download } from "lucide-react";
import { useEffect, useEffectEvent, useRef, useState } from "react";

import type { Failure } from "~/api/errors";
import { failureOf, isCancelled } from "~/api/errors";
import type { ConsoleLine } from "~/api/gen/trivet/tracking/v1/console_pb";
import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import type { ConsoleExtent, ConsoleFilter, Found } from "~/features/run/console";
import {
  extentQuery,
  filterOf,
  look,
  MOST_MATCHES,
  NOTHING_FOUND,
  PAGE_LINES,
  pageQuery,
  saveConsole,
} from "~/features/run/console";
import type { TabProperties } from "~/features/run/Page";
import { ConsoleLines } from "~/features/run/parts/ConsoleLines";
import styles from "~/features/run/parts/ConsoleTab.module.css";
import { CONSOLE_STREAMS } from "~/features/run/search";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { SearchBox } from "~/shared/components/SearchBox";
import { Skeleton } from "~/shared/components/Skeleton";
import { notifyFailure } from "~/shared/components/toasts";
import { count } from "~/shared/format/numbers";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

/** What the processes of a run wrote to their consoles. */
export default function ConsoleTab({ workspace, run, search, go }: TabProperties) {
  const id = idOf(run.name);
  const isGoingOn = run.status === RunStatus.RUNNING;
  const { data: extent, isError, error, refetch } = useQuery(extentQuery(workspace, id, isGoingOn));
  const [isFollowing, setFollowing] = useState(search.line === undefined);
  const [ranks, setRanks] = useState<readonly number[]>([]);
  const box = useRef<HTMLInputElement>(null);
  const filter = filterOf(search);
  useShortcuts([
    { key: "/", does: "search the console", run: () => box.current?.focus() },
    { key: "f", does: "follow the console", run: () => setFollowing((now) => !now) },
  ]);
  if (extent === undefined) {
    return isError ? <Problem failure={failureOf(error)} onRetry={() => void refetch()} /> : <Skeleton />;
  }
  if (extent.first === extent.end) {
    return (
      <Empty title={isGoingOn ? "Nothing on the console yet" : "Nothing was written to the console"}>
        <p>What Python prints is captured while a run goes on, unless TRIVET_CAPTURE leaves it out.</p>
      </Empty>
    );
  }
  const common = {
    workspace,
    run: id,
    extent,
    hasRanks: ranks.length > 0,
    isFollowing,
    onFollow: setFollowing,
    onLine: (line: number) => {
      setFollowing(false);
      go({ line, q: undefined, stream: undefined, rank: undefined });
    },
    onRanks: (found: string) =>
      setRanks(
        [...new Set([...ranks, ...found.split(" ").filter(Boolean).map(Number)])].toSorted((one, other) => one - other),
      ),
  };
  return (
    <>
      <div className={styles.tools}>
        <SearchBox
          label="Search the console"
          text={search.q ?? ""}
          onText={(q) => go({ q: q === "" ? undefined : q }, true)}
          boxRef={box}
        />
        <select
          aria-label="Which stream"
          value={search.stream ?? ""}
          onChange={(event) => go({ stream: CONSOLE_STREAMS.find((each) => each === event.target.value) })}
        >
          <option value="">stdout and stderr</option>
          <option value="stdout">stdout</option>
          <option value="stderr">stderr</option>
        </select>
        {(ranks.length > 1 || search.rank !== undefined) && (
          <select
            aria-label="Which process"
            value={search.rank ?? ""}
            onChange={(event) => go({ rank: ranks.find((each) => String(each) === event.target.value) })}
          >
            <option value="">all ranks</option>
            {ranks.map((rank) => (
              <option key={rank} value={rank}>
                rank {rank}
              </option>
            ))}
          </select>
        )}
        {extent.first > 0 && <span className={styles.soft}>The first {count(extent.first)} lines are not kept.</span>}
        <span className={styles.spacer} />
        <Button icon={<ArrowDownToLine />} aria-pressed={isFollowing} onClick={() => setFollowing(!isFollowing)}>
          {isGoingOn ? (isFollowing ? "Following" : "Follow") : "To the end"}
        </Button>
        <Button
          icon={<Download />}
          onClick={() =>
            void saveConsole(workspace, id).catch((failed: unknown) =>
              notifyFailure("The console was not saved", failureOf(failed)),
            )
          }
        >
          Download
        </Button>
      </div>
      {filter === null ? (
        <All {...common} line={search.line ?? null} />
      ) : (
        <Matching key={JSON.stringify(filter)} {...common} filter={filter} />
      )}
    </>
  );
}

interface Properties {
  readonly workspace: string;
  readonly run: string;
  readonly extent: ConsoleExtent;
  readonly hasRanks: boolean;
  readonly isFollowing: boolean;
  readonly onFollow: (isFollowing: boolean) => void;
  readonly onLine: (number: number) => void;
  /** Told which ranks wrote what was read: numbers, with spaces between them. */
  readonly onRanks: (ranks: string) => void;
}

function All({ workspace, run, extent, line, onRanks, ...rest }: Properties & { readonly line: number | null }) {
  const { first, end } = extent;
  const [sight, setSight] = useState<readonly [number, number]>([end - 1, end - 1]);
  const pageOf = (place: number): number => Math.floor((first + place) / PAGE_LINES);
  const [from, to] = [pageOf(Math.max(0, sight[0])), pageOf(Math.max(0, Math.min(sight[1], end - first - 1)))];
  const pages = Array.from({ length: to - from + 1 }, (_, place) => from + place);
  const read = useQueries({ queries: pages.map((page) => pageQuery(workspace, run, page, end)) });
  const lines = new Map(read.flatMap(({ data = [] }) => data.map((each) => [Number(each.number), each] as const)));
  const failed = read.find((each) => each.isError);
  const ranks = ranksIn([...lines.values()]);
  const tell = useEffectEvent(onRanks);
  useEffect(() => tell(ranks), [ranks]);
  return (
    <>
      {failed?.error != null && <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />}
      <ConsoleLines
        {...rest}
        count={end - first}
        lineAt={(place) => lines.get(first + place)}
        shown={line}
        scrollTo={line === null ? null : line - first}
        onSight={(firstSeen, lastSeen) => setSight([firstSeen, lastSeen])}
      />
    </>
  );
}

function Matching({
  workspace,
  run,
  extent,
  filter,
  onRanks,
  ...rest
}: Properties & { readonly filter: ConsoleFilter }) {
  const [found, setFound] = useState<Found>(NOTHING_FOUND);
  const [failure, setFailure] = useState<Failure | null>(null);
  const { end } = extent;
  const { lines, lookedUntil } = found;
  const goOn = useEffectEvent((until: number, signal: AbortSignal): void => {
    if (lookedUntil >= until || lines.length >= MOST_MATCHES) return;
    const tell = (now: Found): void => {
      setFound(now);
      setFailure(null);
    };
    look(workspace, run, filter, found, tell, signal).catch((error: unknown) => {
      if (!isCancelled(error)) setFailure(failureOf(error));
    });
  });
  useEffect(() => {
    const ending = new AbortController();
    goOn(end, ending.signal);
    return () => ending.abort();
  }, [end]);
  const ranks = ranksIn(lines);
  const tell = useEffectEvent(onRanks);
  useEffect(() => tell(ranks), [ranks]);
  return (
    <>
      {failure !== null && <Problem failure={failure} />}
      <p className={styles.soft} role="status">
        {lines.length >= MOST_MATCHES ? `The first ${count(MOST_MATCHES)} lines` : `${count(lines.length)} lines`}
        {lookedUntil < end && lines.length < MOST_MATCHES && `, ${count(lookedUntil)} of ${count(end)} looked at`}
      </p>
      <ConsoleLines
        {...rest}
        count={lines.length}
        lineAt={(place) => lines[place]}
        shown={null}
        scrollTo={null}
        onSight={() => undefined}
      />
    </>
  );
}

const ranksIn = (lines: readonly ConsoleLine[]): string =>
  [...new Set(lines.flatMap(({ rank }) => rank ?? []))].join(" ");
