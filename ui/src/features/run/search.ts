import type { Range } from "~/charts/curve";
import type { ChosenAxis } from "~/charts/lineSearch";
import { axisIn, rangeIn, smoothingIn } from "~/charts/lineSearch";

export const RUN_TABS = ["overview", "metrics", "system", "console", "artifacts"] as const;
export type RunTab = (typeof RUN_TABS)[number];

export const CONSOLE_STREAMS = ["stdout", "stderr"] as const;
export type ConsoleStreamName = (typeof CONSOLE_STREAMS)[number];

/** What the URL says of the page of a run. What is as at first is left out. */
export interface RunSearch {
  readonly tab?: RunTab;
  /** What keys, or lines of the console, hold. */
  readonly q?: string;
  /** The metrics of the one chart that is shown; all charts where it is absent. */
  readonly metric?: readonly string[];
  readonly x?: ChosenAxis;
  /** Weight of the average that lines are smoothed by. */
  readonly smooth?: number;
  readonly log?: true;
  /** Whether outliers may lie beyond the charts. */
  readonly clip?: true;
  readonly points?: true;
  /** The part of the x axis that is looked at. */
  readonly zoom?: Range;
  /** Of the console. */
  readonly stream?: ConsoleStreamName;
  readonly rank?: number;
  /** The line of the console that is shown. */
  readonly line?: number;
  /** The path of what is shown of the artifacts. */
  readonly path?: string;
}

/** The part of a query string that is understood; the rest is dropped. */
export function runSearch(raw: Record<string, unknown>): RunSearch {
  const tab = RUN_TABS.find((each) => each === raw["tab"] && each !== "overview");
  const x = axisIn(raw["x"]);
  const stream = CONSOLE_STREAMS.find((each) => each === raw["stream"]);
  const metric = metricsIn(raw["metric"]);
  const zoom = rangeIn(raw["zoom"]);
  const smooth = smoothingIn(raw["smooth"]);
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(typeof raw["q"] === "string" && raw["q"] !== "" ? { q: raw["q"] } : {}),
    ...(metric.length === 0 ? {} : { metric }),
    ...(x === undefined ? {} : { x }),
    ...(smooth === undefined ? {} : { smooth }),
    ...(raw["log"] === true ? { log: true } : {}),
    ...(raw["clip"] === true ? { clip: true } : {}),
    ...(raw["points"] === true ? { points: true } : {}),
    ...(zoom === undefined ? {} : { zoom }),
    ...(stream === undefined ? {} : { stream }),
    ...(isPlace(raw["rank"]) ? { rank: raw["rank"] } : {}),
    ...(isPlace(raw["line"]) ? { line: raw["line"] } : {}),
    ...(typeof raw["path"] === "string" && raw["path"] !== "" ? { path: raw["path"] } : {}),
  };
}

const metricsIn = (raw: unknown): string[] =>
  typeof raw === "string"
    ? [raw]
    : Array.isArray(raw)
      ? [...new Set(raw.filter((each): each is string => typeof each === "string"))]
      : [];

const isPlace = (raw: unknown): raw is number => typeof raw === "number" && Number.isInteger(raw) && raw >= 0;
