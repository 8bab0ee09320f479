import { createContext, useContext, useSyncExternalStore } from "react";

/** Where somebody points. It changes with each move of the mouse: only what shows it is drawn anew. */
export interface Pointed {
  /** The id of a run. */
  readonly lit: string | null;
  /** A place on the x axis. */
  readonly cursor: number | null;
}

export class Pointing {
  #now: Pointed = { lit: null, cursor: null };
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly now = (): Pointed => this.#now;

  readonly light = (lit: string | null): void => this.#put({ ...this.#now, lit });

  readonly point = (cursor: number | null): void => this.#put({ ...this.#now, cursor });

  #put(next: Pointed): void {
    if (next.lit === this.#now.lit && next.cursor === this.#now.cursor) return;
    this.#now = next;
    for (const listener of this.#listeners) listener();
  }
}

export const PointingContext = createContext(new Pointing());

/** What tells where somebody points; it stays the same. */
export const usePointing = (): Pointing => useContext(PointingContext);

/** Where somebody points now. */
export function usePointed(): Pointed {
  const pointing = usePointing();
  return useSyncExternalStore(pointing.subscribe, pointing.now);
}

/** Whether somebody points at a run. */
export function useIsLit(runId: string): boolean {
  const pointing = usePointing();
  return useSyncExternalStore(pointing.subscribe, () => pointing.now().lit === runId);
}
