import type { RefObject } from "react";
import { useLayoutEffect, useState } from "react";

/** How far beyond what is seen things are near, in pixels. */
const NEAR_PIXELS = 200;

/** Tells elements in a thing that scrolls whether they are near what is seen of it: one observer for all of them. */
export class Nearness {
  readonly #scroll: RefObject<Element | null>;
  readonly #told = new Map<Element, (isNear: boolean) => void>();
  #observer: IntersectionObserver | null = null;

  constructor(scroll: RefObject<Element | null>) {
    this.#scroll = scroll;
  }

  /** Returns the end of it. */
  watch(element: Element, tell: (isNear: boolean) => void): () => void {
    this.#observer ??= new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) this.#told.get(target)?.(isIntersecting);
      },
      { root: this.#scroll.current, rootMargin: `${NEAR_PIXELS}px` },
    );
    const observer = this.#observer;
    this.#told.set(element, tell);
    observer.observe(element);
    return () => {
      this.#told.delete(element);
      observer.unobserve(element);
    };
  }
}

/** What tells the elements in a thing that scrolls. */
export function useNearness(scroll: RefObject<Element | null>): Nearness {
  return useState(() => new Nearness(scroll))[0];
}

/** Whether an element is near what is seen. */
export function useNear(element: RefObject<Element | null>, nearness: Nearness): boolean {
  const [isNear, setNear] = useState(false);
  useLayoutEffect(
    () => (element.current === null ? undefined : nearness.watch(element.current, setNear)),
    [element, nearness],
  );
  return isNear;
}
