import { memo, useRef } from "react";

import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { count } from "~/shared/format/numbers";
import { useVirtual } from "~/shared/hooks/useVirtual";
import styles from "~/viewers/Lines.module.css";
import type { Line, Token } from "~/viewers/tokens";

const LINE_PIXELS = 18;
/** Up to here all lines are in the page, so that the browser's own search finds them. */
const ALL_IN_PAGE = 3_000;
/** What is shown of a line: a browser takes seconds to lay out the megabytes of a line without end. */
const LONGEST = 5_000;

interface Properties {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly isWrapped: boolean;
}

/** Lines of text with their numbers. */
export function Lines({ label, lines, isWrapped }: Properties) {
  const scroll = useRef<HTMLDivElement>(null);
  const isVirtual = lines.length > ALL_IN_PAGE;
  const virtual = useVirtual({
    count: isVirtual ? lines.length : 0,
    scroll,
    sizeOf: () => LINE_PIXELS,
    beyond: 30,
  });
  return (
    <ScrollRegion
      label={label}
      scrollRef={scroll}
      className={`${styles.scroll} ${isWrapped ? styles.wrapped : ""} ${styles[`digits${Math.min(7, String(lines.length).length)}`]}`}
    >
      {isVirtual ? (
        <div className={styles.space} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className={styles.placed}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <LineRow line={lines[item.index]} />
            </div>
          ))}
        </div>
      ) : (
        lines.map((line) => <LineRow key={line.number} line={line} />)
      )}
    </ScrollRegion>
  );
}

const LineRow = memo(function LineRow({ line }: { readonly line: Line | undefined }) {
  const [shown, cut] = shortened(line?.tokens ?? []);
  return (
    <div className={styles.line} data-number={line?.number}>
      <code>
        {shown.map((token) =>
          token.className === "" ? (
            token.text
          ) : (
            <span key={token.at} className={token.className}>
              {token.text}
            </span>
          ),
        )}
        {cut > 0 && <em className={styles.cut}> … {count(cut)} more characters in this line</em>}
        {"\n"}
      </code>
    </div>
  );
});

function shortened(tokens: readonly Token[]): readonly [readonly Token[], number] {
  let left = LONGEST;
  let cut = 0;
  const shown: Token[] = [];
  for (const token of tokens) {
    const text = token.text.slice(0, left);
    if (text !== "") shown.push({ ...token, text });
    left -= text.length;
    cut += token.text.length - text.length;
  }
  return [shown, cut];
}
