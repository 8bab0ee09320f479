import { quotedKey } from "~/filter/quote";

/** What columns belong to, in the order in which they stand. */
export const GROUPS = ["attributes", "metrics", "params", "tags"] as const;
export type Group = (typeof GROUPS)[number];

/** Which value of a metric. */
export const METRIC_PARTS = ["last", "min", "max"] as const;
export type MetricPart = (typeof METRIC_PARTS)[number];

/** A column of the table of runs. */
export interface RunColumn {
  /** As the URL has it: `status`, `metric:loss`, `min:loss`, `param:lr`, `tag:team`. */
  readonly id: string;
  readonly group: Group;
  /** The key of a metric, param or tag; the id of an attribute. */
  readonly key: string;
  /** Of a metric; the others have one value only. */
  readonly part: MetricPart;
  readonly label: string;
  /** What the server orders by; null where it cannot. */
  readonly orderName: string | null;
  readonly isNumber: boolean;
  /** In pixels, where nobody has resized it. */
  readonly width: number;
}

interface Attribute {
  readonly label: string;
  readonly orderName: string | null;
  readonly width: number;
  readonly isNumber?: boolean;
  /** The fields of a run that it shows, besides those that every row has. */
  readonly fields?: readonly string[];
}

/** The column that every table has, at its left. */
export const NAME = "name";

const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  [NAME]: { label: "Run", orderName: "run_name", width: 220 },
  experiment: { label: "Experiment", orderName: null, width: 140 },
  status: { label: "Status", orderName: "status", width: 124 },
  created: { label: "Created", orderName: "start_time", width: 104 },
  duration: { label: "Duration", orderName: "duration", width: 96, isNumber: true },
  user: { label: "User", orderName: "user_id", width: 96, fields: ["user"] },
  source: { label: "Source", orderName: "source", width: 140, fields: ["source"] },
  commit: { label: "Commit", orderName: "git_commit", width: 88, fields: ["git_commit"] },
  datasets: { label: "Dataset", orderName: null, width: 160, fields: ["inputs"] },
  models: { label: "Models", orderName: null, width: 160, fields: ["outputs"] },
  run_id: { label: "Run id", orderName: "run_id", width: 270 },
  parent: { label: "Parent", orderName: "parent_run_id", width: 270 },
  ended: { label: "Ended", orderName: "end_time", width: 104 },
  written: { label: "Last written", orderName: "last_write_time", width: 104, fields: ["last_write_time"] },
  created_by: { label: "Created by", orderName: "created_by", width: 110, fields: ["created_by"] },
};

const KINDS: Readonly<Record<string, { readonly group: Group; readonly part: MetricPart }>> = {
  metric: { group: "metrics", part: "last" },
  min: { group: "metrics", part: "min" },
  max: { group: "metrics", part: "max" },
  param: { group: "params", part: "last" },
  tag: { group: "tags", part: "last" },
};

/** The ids of all columns that do not depend on what was logged, but that of the name. */
export const ATTRIBUTE_IDS: readonly string[] = Object.keys(ATTRIBUTES).filter((id) => id !== NAME);

export const metricColumn = (key: string, part: MetricPart = "last"): string =>
  `${part === "last" ? "metric" : part}:${key}`;
export const paramColumn = (key: string): string => `param:${key}`;
export const tagColumn = (key: string): string => `tag:${key}`;

/** The column that an id names; null for a text that is no id. */
export function columnOf(id: string): RunColumn | null {
  const attribute = Object.hasOwn(ATTRIBUTES, id) ? ATTRIBUTES[id] : undefined;
  if (attribute !== undefined) {
    return { isNumber: false, ...attribute, id, group: "attributes", key: id, part: "last" };
  }
  const colon = id.indexOf(":");
  const name = id.slice(0, Math.max(colon, 0));
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  const key = id.slice(colon + 1);
  if (kind === undefined || key === "") return null;
  const { group, part } = kind;
  return {
    id,
    group,
    key,
    part,
    label: part === "last" ? key : `${key} ${part}`,
    orderName: `${group}.${quotedKey(key)}${part === "last" ? "" : `.${part}`}`,
    isNumber: group === "metrics",
    width: group === "metrics" ? 104 : 120,
  };
}

/** Columns in the order in which they stand: by group, and within one as they were put. */
export function columnsOf(ids: readonly string[]): RunColumn[] {
  const found = [...new Set(ids)].flatMap((id) => columnOf(id) ?? []).filter((column) => column.id !== NAME);
  return GROUPS.flatMap((group) => found.filter((column) => column.group === group));
}

/** What a search must return so that columns can be shown. */
export interface Reading {
  readonly fields: readonly string[];
  readonly metricKeys: readonly string[];
  readonly paramKeys: readonly string[];
  readonly tagKeys: readonly string[];
}

const ALWAYS = [
  "name",
  "experiment",
  "display_name",
  "status",
  "stale",
  "state",
  "start_time",
  "end_time",
  "parent_run",
];

/** What to read for columns: nothing that is not shown. */
export function readingOf(columns: readonly RunColumn[]): Reading {
  const keysOf = (group: Group): string[] => [
    ...new Set(columns.filter((column) => column.group === group).map((column) => column.key)),
  ];
  const [metricKeys, paramKeys, tagKeys] = [keysOf("metrics"), keysOf("params"), keysOf("tags")];
  const fields = new Set(ALWAYS);
  for (const column of columns) {
    for (const field of ATTRIBUTES[column.id]?.fields ?? []) fields.add(field);
  }
  // A list of keys that is empty would mean all of them.
  if (metricKeys.length > 0) fields.add("metrics");
  if (paramKeys.length > 0) fields.add("params");
  if (tagKeys.length > 0) fields.add("tags");
  return { fields: [...fields], metricKeys, paramKeys, tagKeys };
}

/** Columns with one moved by some places among those of its group. */
export function movedColumn(ids: readonly string[], id: string, by: number): string[] {
  const column = columnOf(id);
  const ordered = columnsOf(ids);
  const group = ordered.filter((each) => each.group === column?.group).map((each) => each.id);
  const place = group.indexOf(id);
  if (place < 0) return ordered.map((each) => each.id);
  const target = Math.min(Math.max(place + by, 0), group.length - 1);
  group.splice(place, 1);
  group.splice(target, 0, id);
  return GROUPS.flatMap((each) =>
    each === column?.group ? group : ordered.filter((other) => other.group === each).map((other) => other.id),
  );
}

const DEFAULT_METRICS = 5;
const DEFAULT_PARAMS = 5;

/** What is shown where nobody has chosen: some of what was logged. */
export function defaultColumns(metrics: readonly string[], params: readonly string[], isOfSeveral: boolean): string[] {
  return [
    ...(isOfSeveral ? ["experiment"] : []),
    "status",
    "created",
    "duration",
    "user",
    // What machines did is seldom what runs are compared by.
    ...metrics
      .filter((key) => !key.startsWith("system/"))
      .slice(0, DEFAULT_METRICS)
      .map((key) => metricColumn(key)),
    ...params.slice(0, DEFAULT_PARAMS).map(paramColumn),
  ];
}
