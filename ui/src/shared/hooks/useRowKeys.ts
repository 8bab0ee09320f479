import { useState } from "react";

import type { Shortcut } from "~/shared/hooks/useShortcuts";

interface RowKeys {
  /** The key of the row that keys moved to. */
  readonly current: string | undefined;
  readonly shortcuts: readonly Shortcut[];
}

/** Keys that move through the rows of a table, and open one. */
export function useRowKeys(rows: readonly string[], onOpen: (row: string) => void): RowKeys {
  const [current, setCurrent] = useState<string | undefined>();
  const place = current === undefined ? -1 : rows.indexOf(current);
  const move = (to: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row === undefined) return;
    setCurrent(row);
    document.querySelector(`[data-row="${CSS.escape(row)}"]`)?.scrollIntoView({ block: "nearest" });
  };
  return {
    current: place === -1 ? undefined : current,
    shortcuts: [
      { key: "j", does: "next row", run: () => move(place + 1) },
      { key: "k", does: "row before", run: () => move(place === -1 ? 0 : place - 1) },
      {
        key: "o",
        does: "open the row",
        run: () => {
          if (place !== -1 && current !== undefined) onOpen(current);
        },
      },
    ],
  };
}
