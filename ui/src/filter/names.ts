/** From a name as it is written to the key that it means (`trivet_kit.search.names`). */

import { FaultError, shown } from "~/filter/faults";
import type { Token, WrittenName } from "~/filter/syntax";
import { isQuoted, unquoted } from "~/filter/syntax";
import type { Entity, Key } from "~/filter/vocabulary";
import { AGGREGATES, ATTRIBUTES, attributeOf, DATASET_KEYS, PREFIXES, RESOURCES } from "~/filter/vocabulary";

/** The key that a name means. Throws FaultError for one that there is not. */
export function keyOf({ prefix, key: token, aggregate }: WrittenName): Key {
  const entity = prefix === null ? "attributes" : entityOf(prefix);
  if (prefix !== null && token.start > prefix.end) {
    throw new FaultError(prefix.end, `there is a blank after ${shown(prefix.text)}; the key must follow at once`);
  }
  if (aggregate !== null && entity !== "metrics") {
    throw new FaultError(aggregate.start, `only metrics have ${aggregate.text}; leave it out`);
  }
  const name = unquoted(token);
  if (entity === "attributes") {
    const attribute = attributeOf(name);
    if (attribute === undefined) {
      throw new FaultError(token.start, `${RESOURCES} have no attribute ${shown(name)}; ${names()}`);
    }
    return { entity, name: attribute.name, aggregate: "last" };
  }
  if (name === "") throw new FaultError(token.start, `the key is empty; name one, such as ${entity}.a`);
  if (entity === "datasets" && !DATASET_KEYS.includes(name)) {
    throw new FaultError(token.start, `datasets have no ${shown(name)}; they have ${DATASET_KEYS.join(", ")}`);
  }
  return entity === "metrics" ? metric(name, aggregate, isQuoted(token)) : { entity, name, aggregate: "last" };
}

function metric(written: string, aggregate: Token | null, isKeyQuoted: boolean): Key {
  const entity = "metrics";
  for (const each of AGGREGATES) {
    if (aggregate?.text === `.${each}`) return { entity, name: written, aggregate: each };
    const base = written.slice(0, -each.length - 1);
    if (aggregate === null && !isKeyQuoted && base !== "" && written.endsWith(`.${each}`)) {
      return { entity, name: base, aggregate: each };
    }
  }
  return { entity, name: written, aggregate: "last" };
}

function entityOf(prefix: Token): Entity {
  const entity = PREFIXES.get(prefix.text.slice(0, -1));
  if (entity === undefined) {
    throw new FaultError(prefix.start, `${RESOURCES} have nothing that begins ${shown(prefix.text)}; ${names()}`);
  }
  return entity;
}

function names(): string {
  const attributes = ATTRIBUTES.map((each) => each.name).join(", ");
  return `they have metrics.KEY, params.KEY, tags.KEY, datasets.name and the attributes ${attributes}`;
}
