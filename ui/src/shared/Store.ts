import { useSyncExternalStore } from "react";

/** A value that changes often: only what shows it is drawn anew, and not all of the page. */
export class Store<T> {
  #now: T;
  readonly #listeners = new Set<() => void>();

  constructor(first: T) {
    this.#now = first;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly now = (): T => this.#now;

  readonly put = (next: T): void => {
    if (Object.is(next, this.#now)) return;
    this.#now = next;
    for (const listener of this.#listeners) listener();
  };
}

/** What a store has now. */
export const useStore = <T>(store: Store<T>): T => useSyncExternalStore(store.subscribe, store.now);
