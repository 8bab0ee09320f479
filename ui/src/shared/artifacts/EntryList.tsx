import { Boxes, File, Folder } from "lucide-react";
import { useEffect, useEffectEvent, useRef } from "react";

import { millis } from "~/api/times";
import styles from "~/shared/artifacts/EntryList.module.css";
import type { Entry } from "~/shared/artifacts/tree";
import { shownName } from "~/shared/artifacts/tree";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { Time } from "~/shared/components/Time";
import { bytes } from "~/shared/format/numbers";
import { useVirtual } from "~/shared/hooks/useVirtual";

const ROW_PIXELS = 28;

interface Properties {
  readonly label: string;
  readonly entries: readonly Entry[];
  /** Whether there are more. */
  readonly isPart: boolean;
  /** Told when the last of them is seen, and there are more. */
  readonly onEnd: () => void;
  readonly onPath: (path: string) => void;
}

/** What is in a folder, with sizes and times. */
export function EntryList({ label, entries, isPart, onEnd, onPath }: Properties) {
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtual({ count: entries.length, scroll, sizeOf: () => ROW_PIXELS, beyond: 15 });
  const shown = virtual.getVirtualItems();
  const seen = (shown.at(-1)?.index ?? -1) + 1;
  const tellEnd = useEffectEvent(() => onEnd());
  useEffect(() => {
    if (isPart && seen === entries.length) tellEnd();
  }, [isPart, seen, entries.length]);
  if (entries.length === 0) return <p className={styles.none}>Nothing here has such a name.</p>;
  return (
    <ScrollRegion
      label={label}
      role="table"
      scrollRef={scroll}
      rowCount={isPart ? -1 : entries.length + 1}
      columnCount={4}
      className={styles.scroll}
    >
      <div role="rowgroup" className={styles.head}>
        <div role="row" aria-rowindex={1} className={styles.columns}>
          <span role="columnheader">Name</span>
          <span role="columnheader" className={styles.number}>
            Size
          </span>
          <span role="columnheader">Type</span>
          <span role="columnheader">Written</span>
        </div>
      </div>
      <div role="rowgroup" className={styles.space} style={{ height: virtual.getTotalSize() }}>
        {shown.map((item) => {
          const entry = entries[item.index];
          if (entry === undefined) return null;
          return (
            <div
              key={entry.path}
              role="row"
              aria-rowindex={item.index + 2}
              className={`${styles.columns} ${styles.row}`}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <span role="cell">
                <button type="button" className={styles.name} title={entry.name} onClick={() => onPath(entry.path)}>
                  {entry.model !== undefined ? (
                    <Boxes aria-hidden />
                  ) : entry.isFolder ? (
                    <Folder aria-hidden />
                  ) : (
                    <File aria-hidden />
                  )}
                  <span>{shownName(entry.name)}</span>
                </button>
              </span>
              <span role="cell" className={styles.number}>
                {entry.file === undefined ? "" : bytes(entry.file.sizeBytes)}
              </span>
              <span role="cell" className={styles.type}>
                {entry.model !== undefined ? "logged model" : (entry.file?.mediaType ?? "folder")}
              </span>
              <span role="cell">{entry.file !== undefined && <Time at={millis(entry.file.createTime)} />}</span>
            </div>
          );
        })}
      </div>
    </ScrollRegion>
  );
}
