import { tracking } from "~/api/clients";
import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { WatchRunsResponse } from "~/api/gen/trivet/tracking/v1/watch_pb";

/** What to watch, and which fields of it to send. */
export interface Watched {
  /** `workspaces/W`. */
  readonly parent: string;
  readonly experiments?: readonly string[];
  readonly runs?: readonly string[];
  /** Fields of runs; all where there are none. */
  readonly fields?: readonly string[];
  readonly metricKeys?: readonly string[];
  readonly paramKeys?: readonly string[];
  readonly tagKeys?: readonly string[];
}

/** Whether changes come. */
export type WatchState =
  | { readonly is: "connecting" }
  /** `heard` is when the server last said something, in milliseconds since the Unix epoch. */
  | { readonly is: "live"; readonly heard: number }
  | { readonly is: "away"; readonly failure: Failure }
  /** Nobody looks at the page. */
  | { readonly is: "paused" };

export interface Watcher {
  /** What is read from now on misses no change. What was read before may have to be read again. */
  readonly onBegin: () => void;
  readonly onChange: (change: WatchRunsResponse) => void;
  readonly onState: (state: WatchState) => void;
}

/** Three times as long as a server is silent where nothing changes: the contract of WatchRuns. */
const SILENCE_MS = 30_000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const EXPIRED = "RESUME_TOKEN_EXPIRED";

/**
 * Watches runs while the page is looked at, and goes on where it was after a break. Call what it returns to end it; that
 * answers from where another watch can go on (`resumeToken`), such as one of other fields.
 */
export function watchRuns(watched: Watched, watcher: Watcher, resumeToken = ""): () => string {
  const ending = new AbortController();
  const place = { resumeToken };
  void follow(watched, watcher, place, ending.signal);
  return () => {
    ending.abort();
    return place.resumeToken;
  };
}

async function follow(
  watched: Watched,
  watcher: Watcher,
  place: { resumeToken: string },
  ending: AbortSignal,
): Promise<void> {
  let pause = SHORTEST_PAUSE_MS;
  while (!ending.aborted) {
    if (document.hidden) {
      watcher.onState({ is: "paused" });
      await event(document, "visibilitychange", ending);
      continue;
    }
    const attempt = new Attempt(ending);
    try {
      const { fields = [], experiments = [], runs = [], metricKeys = [], paramKeys = [], tagKeys = [] } = watched;
      const request = {
        parent: watched.parent,
        experiments: [...experiments],
        runs: [...runs],
        metricKeys: [...metricKeys],
        paramKeys: [...paramKeys],
        tagKeys: [...tagKeys],
        ...(fields.length === 0 ? {} : { readMask: { paths: [...fields] } }),
        resumeToken: place.resumeToken,
      };
      // A watch has no end of its own.
      for await (const message of tracking.watchRuns(request, { signal: attempt.signal, timeoutMs: 0 })) {
        if (ending.aborted) return;
        attempt.hear();
        pause = SHORTEST_PAUSE_MS;
        watcher.onState({ is: "live", heard: Date.now() });
        if (place.resumeToken === "") watcher.onBegin();
        place.resumeToken = message.resumeToken;
        if (message.runs.length > 0 || message.experiments.length > 0) watcher.onChange(message);
      }
    } catch (error) {
      if (ending.aborted || document.hidden) continue;
      const failure = failureOf(error);
      if (failure.reason === EXPIRED) {
        place.resumeToken = "";
        continue;
      }
      watcher.onState({ is: "away", failure });
      await rest(pause, ending);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    } finally {
      attempt.end();
    }
  }
}

/** One stream: it ends when nobody looks at the page any more, and when the server has been silent for too long. */
class Attempt {
  readonly #controller = new AbortController();
  readonly #ending: AbortSignal;
  #timer = 0;

  constructor(ending: AbortSignal) {
    this.#ending = ending;
    ending.addEventListener("abort", this.#abort);
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.hear();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  hear(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(this.#abort, SILENCE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#ending.removeEventListener("abort", this.#abort);
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  readonly #abort = (): void => this.#controller.abort();
  readonly #onVisibility = (): void => {
    if (document.hidden) this.#controller.abort();
  };
}

const event = (target: EventTarget, type: string, ending: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      target.removeEventListener(type, done);
      ending.removeEventListener("abort", done);
      resolve();
    };
    target.addEventListener(type, done);
    ending.addEventListener("abort", done);
  });

const rest = (ms: number, ending: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      ending.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    ending.addEventListener("abort", done);
  });
