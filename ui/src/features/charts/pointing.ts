import { createContext, useContext, useSyncExternalStore } from "react";

import { Store } from "~/shared/Store";

/** Where somebody points, which changes with each move of the mouse. */
export interface Pointing {
  /** The id of a run. */
  readonly lit: Store<string | null>;
  /** A place on the x axis. */
  readonly cursor: Store<number | null>;
}

export const newPointing = (): Pointing => ({
  lit: new Store<string | null>(null),
  cursor: new Store<number | null>(null),
});

export const PointingContext = createContext(newPointing());

/** What tells where somebody points; it stays the same. */
export const usePointing = (): Pointing => useContext(PointingContext);

/** Whether somebody points at a run. */
export function useIsLit(runId: string): boolean {
  const { lit } = usePointing();
  return useSyncExternalStore(lit.subscribe, () => lit.now() === runId);
}
