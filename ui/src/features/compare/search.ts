import type { Brushes } from "~/charts/brush";
import { brushesFrom } from "~/charts/brush";
import type { Range } from "~/charts/curve";
import type { ChosenAxis } from "~/charts/lineSearch";
import { axisIn, rangeIn, smoothingIn } from "~/charts/lineSearch";

/** What the URL says of a comparison. Axes are named as in `dimensions.ts`. */
export interface CompareSearch {
  /** The ids of the runs, in their order; the first is what others are compared with. */
  readonly runs?: readonly string[];
  readonly plot?: Plot;
  /** The parallel axes, from the left; those that tell most where it is absent. */
  readonly axes?: readonly string[];
  readonly brushes?: Brushes;
  /** The axes of powers. */
  readonly log?: readonly string[];
  /** What colours stand for: an axis, or `run`. */
  readonly color?: string;
  readonly x?: string;
  readonly y?: string;
  readonly z?: string;
  /** What the areas of points stand for. */
  readonly size?: string;
  /** The metric whose curves are drawn, what they are drawn over, how they are smoothed, and the part that is looked at. */
  readonly metric?: string;
  readonly over?: ChosenAxis;
  readonly smooth?: number;
  readonly zoom?: Range;
  /** What is compared of two runs, in place of the values of all. */
  readonly part?: DiffPart;
  /** The id of the run that stands beside the first one. */
  readonly beside?: string;
  /** The path of the file that is looked at. */
  readonly path?: string;
  /** Whether rows are left out that are the same in all runs. */
  readonly diff?: boolean;
  /** Whether metrics have rows for their minimum, maximum and step. */
  readonly stats?: boolean;
  /** Text that the keys of rows hold. */
  readonly q?: string;
  /** Metrics whose best value is the largest, or the smallest, where their names do not say so. */
  readonly best?: Readonly<Record<string, Best>>;
}

export const PLOTS = ["parallel", "scatter", "contour", "box", "curves"] as const;
export type Plot = (typeof PLOTS)[number];

export const DIFF_PARTS = ["code", "environment", "files"] as const;
export type DiffPart = (typeof DIFF_PARTS)[number];

const BESTS = ["min", "max"] as const;
export type Best = (typeof BESTS)[number];

/** So many can be told apart, and fit into a URL. */
export const MOST_RUNS = 1000;

const NO_IDS: readonly string[] = [];

/** The ids of the runs that are compared. */
export const comparedIds = ({ runs = NO_IDS }: CompareSearch): readonly string[] => runs.slice(0, MOST_RUNS);

/**
 * The part of a query string that is understood. Everything has a value, if undefined: the router fills in what the
 * query string has for what is absent.
 */
export function compareSearch(raw: Record<string, unknown>): CompareSearch {
  const plot = PLOTS.find((each) => each === raw["plot"]);
  const brushes = brushesFrom(raw["brushes"]);
  const best = bestFrom(raw["best"]);
  return {
    runs: idsFrom(raw["runs"]),
    plot: plot === "parallel" ? undefined : plot,
    axes: Array.isArray(raw["axes"]) ? texts(raw["axes"]) : undefined,
    brushes: Object.keys(brushes).length === 0 ? undefined : brushes,
    log: Array.isArray(raw["log"]) && raw["log"].length > 0 ? texts(raw["log"]) : undefined,
    color: text(raw["color"]),
    x: text(raw["x"]),
    y: text(raw["y"]),
    z: text(raw["z"]),
    size: text(raw["size"]),
    metric: text(raw["metric"]),
    over: axisIn(raw["over"]),
    smooth: smoothingIn(raw["smooth"]),
    zoom: rangeIn(raw["zoom"]),
    part: DIFF_PARTS.find((each) => each === raw["part"]),
    beside: text(raw["beside"]),
    path: text(raw["path"]),
    diff: raw["diff"] === true ? true : undefined,
    stats: raw["stats"] === true ? true : undefined,
    q: text(raw["q"]),
    best: Object.keys(best).length === 0 ? undefined : best,
  };
}

/** Run ids, each once; people write them with commas. */
function idsFrom(raw: unknown): string[] | undefined {
  const ids = Array.isArray(raw) ? texts(raw) : typeof raw === "string" ? raw.split(",") : [];
  const different = [...new Set(ids.map((id) => id.trim()).filter((id) => id !== ""))];
  return different.length === 0 ? undefined : different;
}

function bestFrom(raw: unknown): Record<string, Best> {
  if (typeof raw !== "object" || raw === null) return {};
  const best: Record<string, Best> = {};
  for (const [key, value] of Object.entries(raw)) {
    const found = BESTS.find((each) => each === value);
    if (found !== undefined) best[key] = found;
  }
  return best;
}

const text = (raw: unknown): string | undefined => (typeof raw === "string" && raw !== "" ? raw : undefined);

const texts = (raw: readonly unknown[]): string[] => raw.filter((each): each is string => typeof each === "string");
