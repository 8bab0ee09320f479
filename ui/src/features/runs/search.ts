/** What the URL says of the table of runs. */
export interface RunsSearch {
  /** More experiments, beside the one of the path. */
  readonly and?: string;
  /** In the language of filters, as it was typed. */
  readonly filter?: string;
  /** Which runs by their state: those in use where it is absent. */
  readonly view?: RunView;
  readonly status?: StatusName;
  /** Only runs that started as long ago at most. */
  readonly since?: Since;
  /** The name of a dataset that they used. */
  readonly dataset?: string;
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
  /** Ids of the runs that are selected. */
  readonly selected?: readonly string[];
  /** Whether the description, the tags and the id of the experiment are shown. */
  readonly about?: boolean;
}

export const RUN_VIEWS = ["deleted", "all"] as const;
export type RunView = (typeof RUN_VIEWS)[number];
export const STATUS_NAMES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;
export type StatusName = (typeof STATUS_NAMES)[number];
export const SINCES = ["1h", "24h", "7d", "30d", "365d"] as const;
export type Since = (typeof SINCES)[number];

export const NARROWEST = 48;
export const WIDEST = 1200;

/** The part of a query string that is understood; the rest is dropped. */
export function runsSearch(raw: Record<string, unknown>): RunsSearch {
  const order = text(raw["order"]);
  return present({
    // One more experiment is read as a number.
    and: typeof raw["and"] === "number" ? String(raw["and"]) : text(raw["and"]),
    filter: text(raw["filter"]),
    view: RUN_VIEWS.find((each) => each === raw["view"]),
    status: STATUS_NAMES.find((each) => each === raw["status"]),
    since: SINCES.find((each) => each === raw["since"]),
    dataset: text(raw["dataset"]),
    order,
    desc: order !== undefined && raw["desc"] === true ? true : undefined,
    columns: texts(raw["columns"]),
    pinned: texts(raw["pinned"]),
    widths: widths(raw["widths"]),
    nested: typeof raw["nested"] === "boolean" ? raw["nested"] : undefined,
    open: texts(raw["open"]),
    selected: texts(raw["selected"]),
    about: raw["about"] === true ? true : undefined,
  });
}

/** The ids of the experiments that are shown together; that of the path first. */
export function experimentIds(ofPath: string, and: string | undefined): string[] {
  const more = (and ?? "").split(",").map((id) => id.trim());
  return [...new Set([ofPath, ...more])].filter((id) => /^\d+$/.test(id) || id === ofPath);
}

type Optional<T> = { readonly [Key in keyof T]: T[Key] | undefined };

/** A search without what is not there, so that equal ones are equal. */
function present(search: Optional<Required<RunsSearch>>): RunsSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}

const text = (raw: unknown): string | undefined => (typeof raw === "string" && raw !== "" ? raw : undefined);

const texts = (raw: unknown): string[] | undefined =>
  Array.isArray(raw) ? raw.filter((each) => typeof each === "string") : undefined;

function widths(raw: unknown): Record<string, number> | undefined {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  const found = Object.entries(raw).flatMap(([id, width]) => (typeof width === "number" ? [[id, clamped(width)]] : []));
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** A width that a column may have. */
export const clamped = (width: number): number => Math.round(Math.min(Math.max(width, NARROWEST), WIDEST));
