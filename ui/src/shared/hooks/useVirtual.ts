import { useVirtualizer } from "@tanstack/react-virtual";
import type { RefObject } from "react";

interface Options {
  readonly count: number;
  /** What scrolls. */
  readonly scroll: RefObject<HTMLElement | null>;
  /** How high the row with a number is, or how wide the column. */
  readonly sizeOf: (index: number) => number;
  /** How many are made beyond those that are seen. */
  readonly beyond: number;
  readonly horizontal?: boolean;
}

/** The rows or columns of many that are looked at. */
export function useVirtual({ count, scroll, sizeOf, beyond, horizontal = false }: Options) {
  // oxlint-disable-next-line react/incompatible-library -- no compiler of React keeps what it returns
  return useVirtualizer<HTMLElement, HTMLElement>({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: sizeOf,
    overscan: beyond,
    horizontal,
  });
}
