/** What the URL says of the list of experiments. */
export interface ExperimentsSearch {
  /** Text that names hold; empty passes all. */
  readonly q?: string;
  /** Which ones: those in use where it is absent. */
  readonly view?: ExperimentView;
  readonly order?: ExperimentOrder;
  readonly desc?: boolean;
  /** Ids of the experiments that are selected. */
  readonly selected?: readonly string[];
}

export const EXPERIMENT_VIEWS = ["deleted", "all"] as const;
export type ExperimentView = (typeof EXPERIMENT_VIEWS)[number];

export const EXPERIMENT_ORDERS = ["name", "creation_time", "last_update_time"] as const;
export type ExperimentOrder = (typeof EXPERIMENT_ORDERS)[number];

/** The part of a query string that is understood; the rest is dropped. */
export function experimentsSearch(raw: Record<string, unknown>): ExperimentsSearch {
  const view = EXPERIMENT_VIEWS.find((each) => each === raw["view"]);
  const order = EXPERIMENT_ORDERS.find((each) => each === raw["order"]);
  const selected = Array.isArray(raw["selected"]) ? raw["selected"].map(String).filter((id) => /^\d+$/.test(id)) : [];
  return {
    ...(typeof raw["q"] === "string" && raw["q"] !== "" ? { q: raw["q"] } : {}),
    ...(view === undefined ? {} : { view }),
    ...(order === undefined ? {} : { order, desc: raw["desc"] === true }),
    ...(selected.length === 0 ? {} : { selected }),
  };
}
