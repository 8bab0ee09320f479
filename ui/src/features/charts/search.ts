import type { Range } from "~/charts/curve";
import type { ChosenAxis } from "~/charts/lineSearch";
import { axisIn, rangeIn, smoothingIn } from "~/charts/lineSearch";
import type { RunsChoice } from "~/shared/runs/choice";
import { runsChoice, textIn, textsIn } from "~/shared/runs/choice";

/** How many of the runs that pass are shown: the newest. */
export const MOSTS = [10, 25, 50, 100, 250, 500, 1000] as const;
export type Most = (typeof MOSTS)[number];
export const MOST_AT_FIRST: Most = 100;

/** What somebody changed of a panel, or a panel that somebody added. What is absent is as at first. */
export interface PanelChange {
  /** Of a panel that was added; one of a metric that is there by itself has none. */
  readonly kind?: string;
  readonly section?: string;
  /** Where it stands in its section, where it was moved. */
  readonly place?: number;
  /** How many columns and rows of the grid it has. */
  readonly size?: readonly [number, number];
  readonly settings?: unknown;
  /** Whether it was taken away. */
  readonly isGone?: boolean;
}

/** Panels by their ids. */
export type PanelChanges = Readonly<Record<string, PanelChange>>;

/** What the URL says of the page of charts. What is as at first is left out. */
export interface ChartsSearch extends RunsChoice {
  readonly most?: Most;
  /** What runs are grouped by: `status`, `user`, `param:KEY`, `tag:KEY`. */
  readonly group?: string;
  /** Whether panels leave runs out, but for those that are turned. */
  readonly none?: boolean;
  /** Ids of runs, and names of groups, that are shown where the others are not, or the reverse. */
  readonly turned?: readonly string[];
  readonly x?: ChosenAxis;
  readonly smooth?: number;
  /** Whether outliers may lie beyond the panels. */
  readonly clip?: boolean;
  readonly zoom?: Range;
  readonly panels?: PanelChanges;
  /** Names of the sections that are not as at first: open, but for that of the system. */
  readonly folded?: readonly string[];
  /** What the titles of panels are to hold. */
  readonly find?: string;
  /** The id of the panel that is shown alone. */
  readonly panel?: string;
  /** The id of the saved view that is shown, or that what is shown came from. */
  readonly saved?: string;
  /** Whether the URL has all of that view, with what was changed. */
  readonly edited?: boolean;
}

/** The part of a query string that is understood; the rest is dropped. */
export function chartsSearch(raw: Record<string, unknown>): ChartsSearch {
  const found: { readonly [Key in keyof Required<ChartsSearch>]: ChartsSearch[Key] | undefined } = {
    ...runsChoice(raw),
    most: MOSTS.find((each) => each === raw["most"] && each !== MOST_AT_FIRST),
    group: textIn(raw["group"]),
    none: raw["none"] === true ? true : undefined,
    turned: textsIn(raw["turned"]),
    x: axisIn(raw["x"]),
    smooth: smoothingIn(raw["smooth"]),
    clip: raw["clip"] === true ? true : undefined,
    zoom: rangeIn(raw["zoom"]),
    panels: panelsIn(raw["panels"]),
    folded: textsIn(raw["folded"]),
    find: textIn(raw["find"]),
    panel: textIn(raw["panel"]),
    saved: textIn(raw["saved"]),
    edited: raw["edited"] === true ? true : undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function panelsIn(raw: unknown): PanelChanges | undefined {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  const found = Object.entries(raw).flatMap(([id, change]): [string, PanelChange][] =>
    typeof change === "object" && change !== null ? [[id, changeIn({ ...change })]] : [],
  );
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function changeIn(raw: Record<string, unknown>): PanelChange {
  const [kind, section, size] = [textIn(raw["kind"]), raw["section"], sizeIn(raw["size"])];
  const place = raw["place"];
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(typeof section === "string" ? { section } : {}),
    ...(typeof place === "number" && Number.isInteger(place) && place >= 0 ? { place } : {}),
    ...(size === undefined ? {} : { size }),
    ...(raw["settings"] === undefined ? {} : { settings: raw["settings"] }),
    ...(raw["isGone"] === true ? { isGone: true } : {}),
  };
}

export const MOST_COLUMNS = 6;
export const MOST_ROWS = 4;

function sizeIn(raw: unknown): PanelChange["size"] {
  if (!Array.isArray(raw)) return undefined;
  const [columns, rows]: unknown[] = raw;
  return typeof columns === "number" && typeof rows === "number" ? sized(columns, rows) : undefined;
}

/** A size that a panel may have. */
export const sized = (columns: number, rows: number): readonly [number, number] => [
  Math.round(Math.min(Math.max(columns, 1), MOST_COLUMNS)),
  Math.round(Math.min(Math.max(rows, 1), MOST_ROWS)),
];
