/** What could stand where the cursor is. */

import type { Asked } from "~/filter/asked";
import { operatorsOf } from "~/filter/operands";
import { quoted, quotedKey } from "~/filter/quote";
import type { Place } from "~/filter/syntax";
import type { Entity, Key } from "~/filter/vocabulary";
import { ATTRIBUTES, attributeOf, DATASET_KEYS, typeOf } from "~/filter/vocabulary";

/** Something to choose. */
export interface Completion {
  readonly label: string;
  readonly hint: string;
  /** What takes the place of what was typed. */
  readonly insert: string;
}

/** What the server knows: keys by what they belong to, and values of the key that is compared. */
export interface Known {
  readonly keys: ReadonlyMap<Entity, readonly string[]>;
  readonly values: readonly string[];
}

/** What runs have under keys of their own. */
export const KEYED = ["metrics", "params", "tags"] as const satisfies readonly Entity[];
const WORDS_OF_KEYS = { metrics: "metric", params: "param", tags: "tag" } as const;
const MOST = 60;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SPANS = [
  ["1 hour", HOUR],
  ["1 day", DAY],
  ["7 days", 7 * DAY],
  ["30 days", 30 * DAY],
] as const;
const DURATIONS = [
  ["1 minute", MINUTE],
  ["10 minutes", 10 * MINUTE],
  ["1 hour", HOUR],
  ["1 day", DAY],
] as const;
const HINTS: Readonly<Record<string, string>> = {
  "=": "is",
  "!=": "is not",
  LIKE: "a pattern: % any text, _ any character",
  ILIKE: "a pattern, whatever the case",
  IN: "one of a list",
  "NOT IN": "none of a list",
  BETWEEN: "within two bounds",
  "NOT BETWEEN": "not within two bounds",
  "IS NULL": "has none",
  "IS NOT NULL": "has one",
};

/** The completions, the best first. `now` in milliseconds since the Unix epoch. */
export function completionsFor(asked: Asked, known: Known, now: number): Completion[] {
  const typed = asked.typed.toLowerCase();
  const fitting = ANSWERS[asked.place](asked, known, now).filter(
    ({ label, insert }) => label.toLowerCase().includes(typed) && insert.trim() !== asked.typed,
  );
  const isBeginning = ({ label }: Completion): boolean => label.toLowerCase().startsWith(typed);
  return [...fitting.filter(isBeginning), ...fitting.filter((each) => !isBeginning(each))].slice(0, MOST);
}

type Answer = (asked: Asked, known: Known, now: number) => Completion[];

const ANSWERS: Readonly<Record<Place, Answer>> = {
  name: names,
  key: (asked, known) => (asked.entity === null ? [] : keys(asked.entity, asked.typed, known)),
  operator: ({ key }) => (key === null ? [] : operatorsOf(key).map(operator)),
  "after not": ({ key }) => ["IN", "BETWEEN"].filter((each) => key === null || has(key, `NOT ${each}`)).map(operator),
  "after is": () => [word("NULL", HINTS["IS NULL"]), word("NOT NULL", HINTS["IS NOT NULL"])],
  "after is not": () => [word("NULL")],
  list: () => [{ label: "(", hint: "a list of values", insert: "(" }],
  value: (asked, known, now) => values(asked, known, now, " "),
  bound: (asked, known, now) => values(asked, known, now, " "),
  member: (asked, known, now) => values(asked, known, now, ""),
  "after bound": () => [word("AND", "the upper bound")],
  "after member": () => [
    { label: ",", hint: "another value", insert: ", " },
    { label: ")", hint: "the end of the list", insert: ") " },
  ],
  join: () => [word("AND"), word("OR")],
  "join in group": () => [word("AND"), word("OR"), { label: ")", hint: "the end of the group", insert: ") " }],
};

function word(text: string, hint = ""): Completion {
  return { label: text, hint, insert: `${text} ` };
}

const has = (key: Key, operator: string): boolean => operatorsOf(key).includes(operator);

function operator(name: string): Completion {
  return { label: name, hint: HINTS[name] ?? "", insert: name.endsWith("IN") ? `${name} (` : `${name} ` };
}

function names(asked: Asked, known: Known): Completion[] {
  const found = asked.typed === "" ? [] : KEYED.flatMap((entity) => ownKeys(entity, `${entity}.`, known));
  return [
    ...KEYED.map((entity) => ({ label: `${entity}.`, hint: `a ${WORDS_OF_KEYS[entity]}`, insert: `${entity}.` })),
    ...ATTRIBUTES.map(({ name, hint }) => word(name, hint)),
    ...DATASET_KEYS.map((each) => word(`datasets.${each}`, "of a dataset that was used")),
    ...found,
    word("NOT", "turns a comparison around"),
    { label: "(", hint: "a group", insert: "(" },
  ];
}

function keys(entity: Entity, typed: string, known: Known): Completion[] {
  if (entity === "attributes") return ATTRIBUTES.map(({ name, hint }) => word(name, hint));
  if (entity === "datasets") return DATASET_KEYS.map((each) => word(each));
  const isWhole = known.keys.get(entity)?.includes(typed) === true;
  const more =
    entity === "metrics" && isWhole
      ? [word(`${typed}.min`, "the smallest value"), word(`${typed}.max`, "the largest value")]
      : [];
  return [...ownKeys(entity, "", known), ...more];
}

const ownKeys = (entity: (typeof KEYED)[number], prefix: string, known: Known): Completion[] =>
  (known.keys.get(entity) ?? []).map((key) => ({
    label: `${prefix}${key}`,
    hint: WORDS_OF_KEYS[entity],
    insert: `${prefix}${quotedKey(key)} `,
  }));

function values({ key }: Asked, known: Known, now: number, after: string): Completion[] {
  if (key === null) return [];
  const there = (key.entity === "attributes" ? attributeOf(key.name)?.values : undefined) ?? known.values;
  if (typeOf(key) === "time") {
    return SPANS.map(([span, millis]) => ({
      label: `${span} ago`,
      hint: `${now - millis}`,
      insert: `${now - millis}${after}`,
    }));
  }
  if (key.name === "duration" && key.entity === "attributes") {
    return DURATIONS.map(([span, millis]) => ({ label: span, hint: `${millis}`, insert: `${millis}${after}` }));
  }
  return there.map((each) => ({ label: each, hint: "", insert: `${quoted(each)}${after}` }));
}

/** The text with a completion in it, and where the cursor stands then. */
export function completed(text: string, asked: Asked, { insert }: Completion): { text: string; cursor: number } {
  const rest = text.slice(asked.end);
  const inserted = /^\s/.test(rest) ? insert.trimEnd() : insert;
  const before = text.slice(0, asked.start);
  const isClose = asked.start === asked.end && /[=<>]$/.test(before);
  const gap = isClose ? " " : "";
  return { text: before + gap + inserted + rest, cursor: before.length + gap.length + inserted.length };
}
