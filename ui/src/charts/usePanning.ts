import type { RefObject } from "react";
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";

import type { Range } from "~/charts/curve";
import { movedBy } from "~/charts/zoom";

/** So long after a wheel has turned, it is at rest. */
const WHEEL_REST_MS = 150;

interface Moved {
  /** The zoom that it began with. */
  readonly from: Range;
  readonly to: Range;
}

/** Moves a chart along its x axis. */
export interface Panning {
  /** What is in sight while it moves, and until the zoom is what it moved to; null where it rests. */
  readonly moved: Range | null;
  /** Moves what is in sight by so many pixels to the left. */
  readonly moveBy: (pixels: number) => void;
  /** Ends the move: from now on the zoom is what is in sight. */
  readonly rest: () => void;
}

/** Keeps a chart that is zoomed in, and so many pixels wide, within the whole of the axis while it moves. */
export function usePanning(
  zoom: Range | null,
  extent: Range | null,
  width: number,
  onZoom: (zoom: Range) => void,
): Panning {
  const [state, setMoved] = useState<Moved | null>(null);
  // Whoever zooms elsewhere meanwhile, wins.
  const moved = state !== null && zoom !== null && isSame(state.from, zoom) ? state.to : null;
  const latest = useRef<Range | null>(null);
  useEffect(() => {
    latest.current = moved;
  }, [moved]);
  const moveBy = useCallback(
    (pixels: number): void => {
      if (zoom === null || extent === null || width <= 0) return;
      const to = movedBy(latest.current ?? zoom, pixels / width, extent, 1 / (width * globalThis.devicePixelRatio));
      latest.current = to;
      setMoved({ from: zoom, to });
    },
    [zoom, extent, width],
  );
  const rest = useCallback((): void => {
    if (latest.current !== null) onZoom(latest.current);
  }, [onZoom]);
  return { moved, moveBy, rest };
}

/** Turns of a wheel that go sideways move the chart. */
export function useWheel(
  box: RefObject<HTMLDivElement | null>,
  isOn: boolean,
  moveBy: (pixels: number) => void,
  rest: () => void,
): void {
  // Both are others while a chart follows its runs; a wheel that turns meanwhile comes to rest all the same.
  const move = useEffectEvent(moveBy);
  const end = useEffectEvent(rest);
  useEffect(() => {
    const element = box.current;
    if (element === null || !isOn) return undefined;
    let timer = 0;
    const turn = (event: WheelEvent): void => {
      const pixels = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (Math.abs(pixels) < Math.abs(event.deltaY) && !event.shiftKey) return;
      // Browsers would go back a page.
      event.preventDefault();
      move(pixels);
      clearTimeout(timer);
      timer = window.setTimeout(() => end(), WHEEL_REST_MS);
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => {
      clearTimeout(timer);
      element.removeEventListener("wheel", turn);
    };
  }, [box, isOn]);
}

const isSame = (one: Range, other: Range): boolean => one[0] === other[0] && one[1] === other[1];
