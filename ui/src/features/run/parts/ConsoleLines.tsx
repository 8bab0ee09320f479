import { useEffect, useEffectEvent, useRef } from "react";

import type { ConsoleLine } from "~/api/gen/trivet/tracking/v1/console_pb";
import { lastWritten, spansOf } from "~/features/run/ansi";
import { streamName } from "~/features/run/console";
import styles from "~/features/run/parts/ConsoleTab.module.css";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { fullTime } from "~/shared/format/times";
import { useVirtual } from "~/shared/hooks/useVirtual";

interface Properties {
  readonly count: number;
  /** The line at a place; undefined while it is being read. */
  readonly lineAt: (place: number) => ConsoleLine | undefined;
  readonly hasRanks: boolean;
  /** The number of the line to be seen. */
  readonly shown: number | null;
  /** The place that is scrolled to; null for none. */
  readonly scrollTo: number | null;
  /** Whether the last line stays in sight. */
  readonly isFollowing: boolean;
  readonly onFollow: (isFollowing: boolean) => void;
  /** Shows a line among the others. */
  readonly onLine: (number: number) => void;
  /** Told which places are in sight. */
  readonly onSight: (first: number, last: number) => void;
}

const LINE_PIXELS = 18;
const BEYOND = 30;
/** Scrolled so near to the end, one is there. */
const END_PIXELS = 24;

/** Lines of a console, of which those in sight are there. */
export function ConsoleLines(properties: Properties) {
  const { count, lineAt, hasRanks, shown, scrollTo, isFollowing, onFollow, onLine, onSight } = properties;
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtual({ count, scroll, sizeOf: () => LINE_PIXELS, beyond: BEYOND });
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  const tell = useEffectEvent(onSight);
  useEffect(() => tell(first, last), [first, last]);
  const toEnd = useEffectEvent((count: number, isFollowing: boolean) => {
    if (isFollowing && count > 0) virtual.scrollToIndex(count - 1, { align: "end" });
  });
  useEffect(() => toEnd(count, isFollowing), [count, isFollowing]);
  const toPlace = useEffectEvent((place: number | null) => {
    if (place !== null) virtual.scrollToIndex(place, { align: "center" });
  });
  useEffect(() => toPlace(scrollTo), [scrollTo]);
  const listen = useEffectEvent((event: WheelEvent | KeyboardEvent): void => {
    const isUp = event instanceof WheelEvent ? event.deltaY < 0 : ["ArrowUp", "PageUp", "Home"].includes(event.key);
    if (isUp && isFollowing) onFollow(false);
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = scroll.current ?? {};
    if (!isUp && !isFollowing && scrollHeight - scrollTop - clientHeight < END_PIXELS) onFollow(true);
  });
  useEffect(() => {
    const found = scroll.current;
    if (found === null) return undefined;
    // What scrolls by itself must not count as somebody's wish.
    const heard = (event: WheelEvent | KeyboardEvent): void => listen(event);
    found.addEventListener("wheel", heard, { passive: true });
    found.addEventListener("keydown", heard);
    return () => {
      found.removeEventListener("wheel", heard);
      found.removeEventListener("keydown", heard);
    };
  }, []);
  return (
    <ScrollRegion label="Console" className={styles.lines} scrollRef={scroll}>
      <div className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, start }) => {
          const line = lineAt(index);
          return (
            <div
              key={index}
              className={`${styles.line} ${line === undefined ? "" : styles[streamName(line)]} ${
                line !== undefined && Number(line.number) === shown ? styles.shown : ""
              }`}
              style={{ transform: `translateY(${start}px)` }}
            >
              {line !== undefined && <Line line={line} hasRanks={hasRanks} onLine={onLine} />}
            </div>
          );
        })}
      </div>
    </ScrollRegion>
  );
}

interface LineProperties extends Pick<Properties, "hasRanks" | "onLine"> {
  readonly line: ConsoleLine;
}

function Line({ line, hasRanks, onLine }: LineProperties) {
  return (
    <>
      <button
        type="button"
        className={styles.number}
        tabIndex={-1}
        title={fullTime(Number(line.timeMillis))}
        onClick={() => onLine(Number(line.number))}
      >
        {String(line.number + 1n)}
      </button>
      <span className={styles.stream}>{streamName(line) === "stderr" ? "err" : ""}</span>
      {hasRanks && <span className={styles.rank}>{line.rank === undefined ? "" : `rank ${line.rank}`}</span>}
      <span>
        {spansOf(lastWritten(line.text)).map((span) => (
          <span
            key={span.begin}
            className={`${span.color === null ? "" : styles[span.color]} ${span.isBold ? styles.bold : ""}`}
          >
            {span.text}
          </span>
        ))}
      </span>
    </>
  );
}
