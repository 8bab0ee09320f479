import type { RunsChoice } from "~/shared/runs/choice";
import { runsChoice, textIn, textsIn } from "~/shared/runs/choice";

/** What the URL says of the table of runs. */
export interface RunsSearch extends RunsChoice {
  /** The id of the column by which they are sorted; the newest first where it is absent. */
  readonly order?: string;
  readonly desc?: boolean;
  /** Ids of columns; absent where nobody has chosen. */
  readonly columns?: readonly string[];
  /** Ids of those that stay at the left. */
  readonly pinned?: readonly string[];
  /** In pixels, by the ids of columns. */
  readonly widths?: Readonly<Record<string, number>>;
  /** Whether nested runs stand below their parents; absent: where nothing filters or sorts. */
  readonly nested?: boolean;
  /** Ids of the runs whose nested runs are shown. */
  readonly open?: readonly string[];
  /** Whether the description, the tags and the id of the experiment are shown. */
  readonly about?: boolean;
}

export const NARROWEST = 48;
export const WIDEST = 1200;

/** The part of a query string that is understood; the rest is dropped. */
export function runsSearch(raw: Record<string, unknown>): RunsSearch {
  const order = textIn(raw["order"]);
  return present({
    ...runsChoice(raw),
    order,
    desc: order !== undefined && raw["desc"] === true ? true : undefined,
    columns: textsIn(raw["columns"]),
    pinned: textsIn(raw["pinned"]),
    widths: widths(raw["widths"]),
    nested: typeof raw["nested"] === "boolean" ? raw["nested"] : undefined,
    open: textsIn(raw["open"]),
    about: raw["about"] === true ? true : undefined,
  });
}

type Optional<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** A search without what is not there, so that equal ones are equal. */
function present(search: Optional<Required<RunsSearch>>): RunsSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}

function widths(raw: unknown): Record<string, number> | undefined {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  const found = Object.entries(raw).flatMap(([id, width]) => (typeof width === "number" ? [[id, clamped(width)]] : []));
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** A width that a column may have. */
export const clamped = (width: number): number => Math.round(Math.min(Math.max(width, NARROWEST), WIDEST));
