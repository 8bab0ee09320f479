import type { RefObject } from "react";
import { useLayoutEffect, useState } from "react";

import type { Surface } from "~/charts/surface";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Draws a picture of some size. The same function draws on the screen and into files. */
export type Draw = (surface: Surface, size: Size) => void;

/** How large an element is; null before it is there. */
export function useSize(element: RefObject<HTMLElement | null>): Size | null {
  const [size, setSize] = useState<Size | null>(null);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return undefined;
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = found;
      setSize((known) => (known?.width === width && known.height === height ? known : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(found);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

/** Keeps what is on a canvas as a function draws it; it draws again where that is another function. */
export function useDrawing(canvas: RefObject<HTMLCanvasElement | null>, size: Size | null, draw: Draw | null): void {
  useLayoutEffect(() => {
    if (canvas.current !== null && size !== null) paint(canvas.current, size, draw);
  }, [canvas, size, draw]);
}

function paint(canvas: HTMLCanvasElement, size: Size, draw: Draw | null): void {
  const context = contextOf(canvas, size);
  context?.clearRect(0, 0, size.width, size.height);
  if (context !== null) draw?.(context, size);
}

/** What draws on a canvas of some size, in the pixels of pages; what is on it stays where its size does. */
export function contextOf(canvas: HTMLCanvasElement, size: Size): CanvasRenderingContext2D | null {
  const scale = globalThis.devicePixelRatio;
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  // To set the size, even to what it is, makes a new bitmap.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  context?.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}
