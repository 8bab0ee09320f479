import type { Changes } from "~/features/charts/panel";

/** Remembers which runs have newer values of which metrics. Its numbers rise where somebody asks for the next one. */
export class ChangeLog {
  #now = 0;
  #isDirty = false;
  readonly #ofMetric = new Map<string, Map<string, number>>();
  /** Of runs whose metrics may all be others. */
  readonly #ofAll = new Map<string, number>();
  readonly #cut = new Map<string, number>();

  /** Remembers newer values of some metrics of a run. */
  add(runId: string, keys: readonly string[]): void {
    for (const key of keys) {
      const runs = this.#ofMetric.get(key) ?? new Map<string, number>();
      this.#ofMetric.set(key, runs.set(runId, this.#now + 1));
    }
    this.#isDirty ||= keys.length > 0;
  }

  /** Remembers that points of a run were removed. */
  addCut(runId: string): void {
    this.addAll([runId]);
    this.#cut.set(runId, this.#now + 1);
  }

  /** Remembers that all metrics of some runs may be others. */
  addAll(runIds: readonly string[]): void {
    for (const id of runIds) this.#ofAll.set(id, this.#now + 1);
    this.#isDirty ||= runIds.length > 0;
  }

  /** What was remembered by now; null where that is no more than at the last time. */
  next(): Changes | null {
    if (!this.#isDirty) return null;
    this.#isDirty = false;
    this.#now += 1;
    return { now: this.#now, since: this.#since, cutSince: this.#cutSince };
  }

  readonly #since = (key: string, earlier: number): ReadonlySet<string> => {
    const found = new Set<string>();
    for (const runs of [this.#ofMetric.get(key), this.#ofAll]) {
      for (const [id, at] of runs ?? []) if (at > earlier) found.add(id);
    }
    return found;
  };

  readonly #cutSince = (earlier: number): ReadonlySet<string> =>
    new Set([...this.#cut].flatMap(([id, at]) => (at > earlier ? [id] : [])));
}

/** What a watch has told that has not begun. */
export const NO_CHANGES: Changes = { now: 0, since: () => new Set(), cutSince: () => new Set() };
