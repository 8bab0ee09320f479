import type { RefObject } from "react";
import { useLayoutEffect, useState } from "react";

/** What is seen of a thing that scrolls, in pixels. */
export interface Viewport {
  readonly top: number;
  readonly left: number;
  readonly width: number;
  readonly height: number;
}

const NOTHING: Viewport = { top: 0, left: 0, width: 0, height: 0 };

/** What is seen of an element, as it scrolls and changes its size. */
export function useViewport(element: RefObject<HTMLElement | null>): Viewport {
  const [viewport, setViewport] = useState(NOTHING);
  useLayoutEffect(() => {
    const seen = element.current;
    if (seen === null) return undefined;
    const look = (): void =>
      setViewport({ top: seen.scrollTop, left: seen.scrollLeft, width: seen.clientWidth, height: seen.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(seen);
    seen.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      seen.removeEventListener("scroll", look);
    };
  }, [element]);
  return viewport;
}
