/** What the URL says of the list of models. */
export interface ModelsSearch {
  /** What was typed to search for: see modelsFilter. */
  readonly q?: string;
  readonly order?: ModelOrder;
  readonly desc?: boolean;
}

export const MODEL_ORDERS = ["name", "creation_timestamp", "last_updated_timestamp"] as const;
export type ModelOrder = (typeof MODEL_ORDERS)[number];

/** What the URL says of the page of a model. */
export interface ModelSearch {
  /** The versions where it is absent. */
  readonly tab?: ModelTab;
  /** Only versions in this stage. */
  readonly stage?: string;
  readonly order?: VersionOrder;
  readonly desc?: boolean;
  /** The numbers of the versions that are side by side. */
  readonly compare?: readonly number[];
  /** Whether what is the same in all of them is left out. */
  readonly differing?: boolean;
  /** Only what happened to this version. */
  readonly version?: number;
  /** Only what was done in this manner. */
  readonly did?: HistoryKind;
  /** The time that is looked back to, in milliseconds since the Unix epoch. */
  readonly at?: number;
}

export const MODEL_TABS = ["history", "as-of", "requests"] as const;
export type ModelTab = (typeof MODEL_TABS)[number];

export const VERSION_ORDERS = ["version_number", "creation_timestamp", "stage"] as const;
export type VersionOrder = (typeof VERSION_ORDERS)[number];

/** What a history can be narrowed to. */
export const HISTORY_KINDS = ["stages", "aliases", "versions", "requests", "texts"] as const;
export type HistoryKind = (typeof HISTORY_KINDS)[number];

/** What the URL says of the promotion requests of a workspace. */
export interface RequestsSearch {
  /** Whether those that have ended are shown too. */
  readonly all?: boolean;
}

export const requestsSearch = (raw: Record<string, unknown>): RequestsSearch =>
  raw["all"] === true ? { all: true } : {};

/** What the URL says of the page of a version. */
export interface VersionSearch {
  /** The path of the file that is shown. */
  readonly path?: string;
}

/** What the URL says of the logged models of an experiment. */
export interface LoggedModelsSearch {
  readonly q?: string;
  /** A name of the filter language, such as `metrics.rmse`. */
  readonly order?: string;
  readonly desc?: boolean;
}

/** The part of a query string that is understood; the rest is dropped. */
export function modelsSearch(raw: Record<string, unknown>): ModelsSearch {
  const order = MODEL_ORDERS.find((each) => each === raw["order"]);
  return { ...searched(raw), ...ordered(order, raw["desc"]) };
}

export function versionSearch(raw: Record<string, unknown>): VersionSearch {
  return typeof raw["path"] === "string" && raw["path"] !== "" ? { path: raw["path"] } : {};
}

export function modelSearch(raw: Record<string, unknown>): ModelSearch {
  const tab = MODEL_TABS.find((each) => each === raw["tab"]);
  const order = VERSION_ORDERS.find((each) => each === raw["order"]);
  const did = HISTORY_KINDS.find((each) => each === raw["did"]);
  const compare = versionNumbers(raw["compare"]);
  const stage = text(raw["stage"]);
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(stage === undefined ? {} : { stage }),
    ...ordered(order, raw["desc"]),
    ...(compare.length === 0 ? {} : { compare }),
    ...(raw["differing"] === true ? { differing: true } : {}),
    ...(isVersionNumber(raw["version"]) ? { version: raw["version"] } : {}),
    ...(did === undefined ? {} : { did }),
    ...(isTime(raw["at"]) ? { at: raw["at"] } : {}),
  };
}

export function loggedModelsSearch(raw: Record<string, unknown>): LoggedModelsSearch {
  const order = typeof raw["order"] === "string" && raw["order"] !== "" ? raw["order"] : undefined;
  return { ...searched(raw), ...ordered(order, raw["desc"]) };
}

// A text of digits alone comes out of a query string as a number.
function text(value: unknown): string | undefined {
  const given = typeof value === "number" ? String(value) : value;
  return typeof given === "string" && given !== "" ? given : undefined;
}

function searched(raw: Record<string, unknown>): { readonly q?: string } {
  const q = text(raw["q"]);
  return q === undefined ? {} : { q };
}

const ordered = <Order extends string>(
  order: Order | undefined,
  desc: unknown,
): { readonly order?: Order; readonly desc?: boolean } => (order === undefined ? {} : { order, desc: desc === true });

const isVersionNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const versionNumbers = (value: unknown): number[] =>
  Array.isArray(value) ? [...new Set(value.filter((each) => isVersionNumber(each)))] : [];
