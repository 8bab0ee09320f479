/** What runs can be searched by, as `trivet_tracking.domain.vocabularies` has it. */

export type Entity = "attributes" | "metrics" | "params" | "tags" | "datasets";

/** As what values are compared. */
export type ValueType = "text" | "number" | "whole number" | "time";

export interface Attribute {
  readonly name: string;
  readonly type: ValueType;
  /** What it is, for the list of completions. */
  readonly hint: string;
  readonly aliases?: readonly string[];
  /** The only values that there are; absent if there may be any. */
  readonly values?: readonly string[];
  /** Whether a run may lack it. */
  readonly isOptional?: boolean;
}

export const RESOURCES = "runs";

export const ATTRIBUTES: readonly Attribute[] = [
  { name: "run_id", type: "text", hint: "id" },
  { name: "run_name", type: "text", hint: "name", aliases: ["run name", "Run name", "Run Name"] },
  {
    name: "status",
    type: "text",
    hint: "what it does",
    values: ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"],
  },
  { name: "user_id", type: "text", hint: "who ran it" },
  { name: "created_by", type: "text", hint: "who was signed in" },
  { name: "source", type: "text", hint: "the program" },
  { name: "git_commit", type: "text", hint: "the commit" },
  { name: "artifact_uri", type: "text", hint: "where its files are" },
  { name: "parent_run_id", type: "text", hint: "the run that it is nested in" },
  { name: "forked_from_run_id", type: "text", hint: "the run that it continues" },
  { name: "forked_from_step", type: "whole number", hint: "and from which step", isOptional: true },
  { name: "stale", type: "text", hint: "runs, but is silent", values: ["true", "false"] },
  { name: "start_time", type: "time", hint: "in milliseconds", aliases: ["created", "Created"] },
  { name: "end_time", type: "time", hint: "in milliseconds", isOptional: true },
  { name: "duration", type: "whole number", hint: "in milliseconds", isOptional: true },
  { name: "last_write_time", type: "time", hint: "in milliseconds" },
];

const BY_NAME: ReadonlyMap<string, Attribute> = new Map(
  ATTRIBUTES.flatMap((each) => [each.name, ...(each.aliases ?? [])].map((name) => [name, each] as const)),
);

/** The attribute with a name or an alias; case counts. */
export const attributeOf = (name: string): Attribute | undefined => BY_NAME.get(name);

/** What may stand before the first dot of a name. Case counts. */
export const PREFIXES: ReadonlyMap<string, Entity> = new Map<string, Entity>([
  ["metrics", "metrics"],
  ["metric", "metrics"],
  ["params", "params"],
  ["param", "params"],
  ["parameters", "params"],
  ["parameter", "params"],
  ["tags", "tags"],
  ["tag", "tags"],
  ["datasets", "datasets"],
  ["dataset", "datasets"],
  ["attributes", "attributes"],
  ["attribute", "attributes"],
  ["attr", "attributes"],
  ["run", "attributes"],
]);

export const DATASET_KEYS: readonly string[] = ["name", "digest", "context"];

export const AGGREGATES = ["last", "min", "max"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** What a name means. */
export interface Key {
  readonly entity: Entity;
  /** Of an attribute the name that counts, whatever alias was written. */
  readonly name: string;
  readonly aggregate: Aggregate;
}

export function typeOf(key: Key): ValueType {
  if (key.entity === "attributes") return attributeOf(key.name)?.type ?? "text";
  return key.entity === "metrics" ? "number" : "text";
}

export const mayLack = (key: Key): boolean => key.entity !== "attributes" || attributeOf(key.name)?.isOptional === true;
