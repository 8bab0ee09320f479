/** Which runs of some experiments are looked at, as the URL says it. */
export interface RunsChoice {
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
  /** Ids of the runs that are selected. */
  readonly selected?: readonly string[];
}

export const RUN_VIEWS = ["deleted", "all"] as const;
export type RunView = (typeof RUN_VIEWS)[number];
export const STATUS_NAMES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;
export type StatusName = (typeof STATUS_NAMES)[number];
export const SINCES = ["1h", "24h", "7d", "30d", "365d"] as const;
export type Since = (typeof SINCES)[number];

/** What chooses all runs of the experiments that are in use. */
export const NO_FILTER: Pick<
  { [Key in keyof RunsChoice]: undefined },
  "filter" | "view" | "status" | "since" | "dataset"
> = {
  filter: undefined,
  view: undefined,
  status: undefined,
  since: undefined,
  dataset: undefined,
};

/** The part of a query string that says which runs; what is not understood is undefined. */
export function runsChoice(raw: Record<string, unknown>) {
  return {
    // One more experiment is read as a number.
    and: typeof raw["and"] === "number" ? String(raw["and"]) : textIn(raw["and"]),
    filter: textIn(raw["filter"]),
    view: RUN_VIEWS.find((each) => each === raw["view"]),
    status: STATUS_NAMES.find((each) => each === raw["status"]),
    since: SINCES.find((each) => each === raw["since"]),
    dataset: textIn(raw["dataset"]),
    selected: textsIn(raw["selected"]),
  };
}

/** The ids of the experiments that are shown together; that of the path first. */
export function experimentIds(ofPath: string, and: string | undefined): string[] {
  const more = (and ?? "").split(",").map((id) => id.trim());
  return [...new Set([ofPath, ...more])].filter((id) => /^\d+$/.test(id) || id === ofPath);
}

/** A text that is not empty. */
export const textIn = (raw: unknown): string | undefined => (typeof raw === "string" && raw !== "" ? raw : undefined);

/** The texts of a list. */
export const textsIn = (raw: unknown): string[] | undefined =>
  Array.isArray(raw) ? raw.filter((each) => typeof each === "string") : undefined;
