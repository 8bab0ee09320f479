import type { ReadCurve } from "~/api/curves";
import { readTogether } from "~/api/curvesTogether";
import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { MetricContext } from "~/api/gen/trivet/tracking/v1/metric_pb";
import { idOf } from "~/api/names";
import type { Curve, Range, XAxis } from "~/charts/curve";
import { curveOfPoints, withPart } from "~/charts/curve";
import type { Changes } from "~/features/charts/panel";

/** A metric of runs, over all contexts or of one. */
export interface CurveLine {
  /** Tells it from the other lines of a panel. */
  readonly id: string;
  readonly key: string;
  readonly context: MetricContext | null;
  /** `workspaces/W/runs/R`. */
  readonly runs: readonly string[];
}

export interface Wanted {
  readonly lines: readonly CurveLine[];
  readonly axis: XAxis;
  /** The part of the axis to be read as finely as the whole; null for the whole alone. */
  readonly zoom: Range | null;
  /** At most so many buckets a curve: as many as there is room for. */
  readonly buckets: number;
  readonly changes: Changes;
}

/** What has been read so far. */
export interface CurvesRead {
  /** By the ids of lines, then by the names of runs; a run without points has an empty one. */
  readonly curves: ReadonlyMap<string, ReadonlyMap<string, Curve>>;
  /** Whether some of what is wanted has not been read at all. */
  readonly isPending: boolean;
  /** Whether what is looked at is read more finely. */
  readonly isCoarse: boolean;
  readonly failure: Failure | null;
}

/** A curve, and of when it is: a `now` of the changes. */
interface Piece {
  readonly whole: Curve;
  readonly asOf: number;
  readonly buckets: number;
  readonly part: { readonly curve: Curve; readonly range: Range; readonly asOf: number } | null;
  /** The whole with the part in it. */
  readonly curve: Curve;
}

interface Job {
  readonly line: CurveLine;
  readonly runs: readonly string[];
  readonly range: Range | null;
  readonly buckets: number;
  /** What becomes of a piece with what was read; a tail goes on from where the curve ended. */
  readonly kind: "whole" | "tail" | "part";
}

const MOST_RUNS_A_CALL = 100;
const CALLS_AT_ONCE = 4;
/** Buckets of all curves of a panel together: thousand lines are drawn in a moment, and a few as finely as a screen. */
const BUCKETS = 200_000;
const LEAST_BUCKETS = 100;
/** So many more buckets than were asked for, tails may add to a curve. */
const GROWTH = 2;
/** How often what has come is drawn while more comes, in milliseconds. */
const DRAW_MS = 500;
const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const NONE: Curve = curveOfPoints([], []);
const NOTHING: CurvesRead = { curves: new Map(), isPending: true, isCoarse: false, failure: null };

/**
 * Reads the curves of a panel, and keeps them up: of a run that has newer values only what came since. The whole of a
 * curve is there coarsely wherever somebody looks, so that panels can be moved.
 */
export class CurveReader {
  #wanted: Wanted | null = null;
  #pieces = new Map<string, Map<string, Piece>>();
  #read: CurvesRead = NOTHING;
  #flight: AbortController | null = null;
  #drawn = 0;
  #pause = SHORTEST_PAUSE_MS;
  #timer = 0;
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly read = (): CurvesRead => this.#read;

  /** Says what is to be read from now on. */
  want(wanted: Wanted): void {
    const before = this.#wanted;
    this.#wanted = wanted;
    if (before !== null && before.axis !== wanted.axis) this.#pieces = new Map();
    const isElsewhere = before !== null && (before.axis !== wanted.axis || !isSame(before.zoom, wanted.zoom));
    if (isElsewhere) this.#stop();
    this.#forget(wanted);
    this.#tell(this.#read.failure);
    this.#go();
  }

  /** Tries again after a failure. */
  readonly retry = (): void => {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#go();
  };

  end(): void {
    this.#stop();
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #stop(): void {
    this.#flight?.abort();
    this.#flight = null;
  }

  /** Lines that are no longer wanted would only use memory; runs may come back as they are hidden and shown. */
  #forget({ lines }: Wanted): void {
    const runsOf = new Map(lines.map((line) => [line.id, line.runs]));
    for (const [id, pieces] of this.#pieces) {
      const runs = runsOf.get(id);
      if (runs === undefined) this.#pieces.delete(id);
      else if (pieces.size > 2 * runs.length + MOST_RUNS_A_CALL) {
        const kept = new Set(runs);
        for (const run of pieces.keys()) if (!kept.has(run)) pieces.delete(run);
      }
    }
  }

  #go(): void {
    if (this.#flight !== null || this.#wanted === null || this.#timer !== 0) return;
    const wanted = this.#wanted;
    const jobs = this.#jobs(wanted);
    if (jobs.length === 0) return;
    const flight = new AbortController();
    this.#flight = flight;
    void this.#work(wanted, jobs, flight);
  }

  async #work(wanted: Wanted, jobs: Job[], flight: AbortController): Promise<void> {
    const { axis, changes } = wanted;
    const asOf = changes.now;
    const waiting = jobs.values();
    const worker = async (): Promise<void> => {
      for (const { line, runs, range, buckets, kind } of waiting) {
        const { key, context } = line;
        // oxlint-disable-next-line no-await-in-loop -- each worker has one call at a time
        const found = await readTogether({ runs, key, context, axis, range, buckets }, flight.signal);
        if (flight.signal.aborted) return;
        this.#put({ line, runs, range, buckets, kind }, found, asOf);
        if (performance.now() - this.#drawn > DRAW_MS) this.#tell(null);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, jobs.length) }, worker));
      if (flight.signal.aborted) return;
      this.#flight = null;
      this.#pause = SHORTEST_PAUSE_MS;
      this.#tell(null);
      this.#go();
    } catch (error) {
      if (flight.signal.aborted) return;
      flight.abort();
      this.#flight = null;
      this.#fail(failureOf(error));
    }
  }

  #fail(failure: Failure): void {
    if (failure.isPassing) {
      this.#timer = window.setTimeout(this.retry, this.#pause);
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
    }
    this.#tell(failure);
  }

  /** What is missing, and what is older than what the watch told of. */
  #jobs({ lines, zoom, changes, buckets: most }: Wanted): Job[] {
    const jobs: Job[] = [];
    const total = lines.reduce((sum, line) => sum + line.runs.length, 0);
    const buckets = Math.round(Math.min(most, Math.max(LEAST_BUCKETS, BUCKETS / Math.max(1, total))));
    for (const line of lines) {
      const pieces = this.#pieces.get(line.id);
      const known = new Map<number, ReadonlySet<string>>();
      const isOld = (run: string, asOf: number): boolean => {
        const since = known.get(asOf) ?? changes.since(line.key, asOf);
        known.set(asOf, since);
        return since.has(idOf(run));
      };
      const isCut = (run: string, asOf: number): boolean => changes.cutSince(asOf).has(idOf(run));
      const [whole, tail, part]: [string[], string[], string[]] = [[], [], []];
      for (const run of line.runs) {
        const piece = pieces?.get(run);
        if (piece === undefined || 2 * piece.buckets <= buckets) whole.push(run);
        else if (isOld(run, piece.asOf)) (isShort(piece) && !isCut(run, piece.asOf) ? tail : whole).push(run);
        if (zoom === null) continue;
        const goesOn = (piece?.whole.xs.at(-1) ?? -Infinity) <= zoom[1];
        const partAsOf = piece?.part?.asOf ?? 0;
        const isNewer = (goesOn && isOld(run, partAsOf)) || isCut(run, partAsOf);
        if (isNewer || !isSame(piece?.part?.range ?? null, zoom)) part.push(run);
      }
      // What is looked at comes first.
      for (const runs of inCalls(part)) jobs.push({ line, runs, range: zoom, buckets, kind: "part" });
      for (const runs of inCalls(whole)) jobs.push({ line, runs, range: null, buckets, kind: "whole" });
      for (const runs of inCalls(tail)) {
        const from = Math.min(...runs.map((run) => pieces?.get(run)?.whole.xs.at(-1) ?? 0));
        jobs.push({ line, runs, range: [from, Number.MAX_SAFE_INTEGER], buckets, kind: "tail" });
      }
    }
    return jobs;
  }

  #put({ line, runs, range, buckets, kind }: Job, found: readonly ReadCurve[], asOf: number): void {
    const pieces = this.#pieces.get(line.id) ?? new Map<string, Piece>();
    this.#pieces.set(line.id, pieces);
    const byRun = new Map(found.map((curve) => [curve.run, curve]));
    for (const run of runs) {
      const before = pieces.get(run) ?? { whole: NONE, asOf: -1, buckets: 0, part: null, curve: NONE };
      const curve: Curve = byRun.get(run) ?? NONE;
      if (kind === "part" && range !== null) pieces.set(run, joined({ ...before, part: { curve, range, asOf } }));
      else if (kind === "whole") pieces.set(run, joined({ ...before, whole: curve, asOf, buckets }));
      // A curve that does not go on was cut: its whole is read again.
      else if (curve === NONE || range === null) pieces.set(run, { ...before, buckets: 0 });
      else pieces.set(run, joined({ ...before, whole: withPart(before.whole, curve, range), asOf }));
    }
  }

  #tell(failure: Failure | null): void {
    if (this.#wanted === null) return;
    const { lines, zoom } = this.#wanted;
    let [isPending, isCoarse] = [false, false];
    const curves = new Map<string, ReadonlyMap<string, Curve>>();
    for (const { id, runs } of lines) {
      const ofLine = new Map<string, Curve>();
      const pieces = this.#pieces.get(id);
      for (const run of runs) {
        const piece = pieces?.get(run);
        if (piece === undefined) isPending = true;
        else ofLine.set(run, piece.curve);
        if (zoom !== null && !isSame(piece?.part?.range ?? null, zoom)) isCoarse = true;
      }
      curves.set(id, ofLine);
    }
    this.#read = { curves, isPending, isCoarse, failure };
    this.#drawn = performance.now();
    for (const listener of this.#listeners) listener();
  }
}

const isSame = (one: Range | null, other: Range | null): boolean => one?.[0] === other?.[0] && one?.[1] === other?.[1];

/** Whether a curve can go on: it has an end, and has not grown too much by that. */
const isShort = ({ whole, buckets }: Piece): boolean => whole.xs.length > 0 && whole.xs.length <= GROWTH * buckets;

const joined = (piece: Piece): Piece => ({
  ...piece,
  curve: piece.part === null ? piece.whole : withPart(piece.whole, piece.part.curve, piece.part.range),
});

const inCalls = (runs: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(runs.length / MOST_RUNS_A_CALL) }, (_, place) =>
    runs.slice(place * MOST_RUNS_A_CALL, (place + 1) * MOST_RUNS_A_CALL),
  );
