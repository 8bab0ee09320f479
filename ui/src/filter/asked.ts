/** What is asked for where the cursor stands in a filter. */

import { FaultError } from "~/filter/faults";
import { keyOf } from "~/filter/names";
import { readFilter } from "~/filter/read";
import type { Place, Step, Token, WrittenName } from "~/filter/syntax";
import type { Entity, Key } from "~/filter/vocabulary";
import { PREFIXES } from "~/filter/vocabulary";

export interface Asked {
  readonly place: Place;
  /** What was typed of it so far, without quotes. */
  readonly typed: string;
  /** From where to where the text is replaced. */
  readonly start: number;
  readonly end: number;
  /** Of a key: what it is a key of. */
  readonly entity: Entity | null;
  /** What is compared; null where there is no such thing. */
  readonly key: Key | null;
  readonly operator: string;
}

// What is whole as it stands: after it, the next thing is asked for.
const WHOLE: ReadonlySet<Token["kind"]> = new Set([
  "PREFIX",
  "OPEN",
  "CLOSE",
  "COMMA",
  "COMPARATOR",
  "SINGLE_QUOTED",
  "DOUBLE_QUOTED",
  "BACKTICKED",
]);
const QUOTE = /^['"`]/;
const ONE_WORD = /^[^\s'"`(),]+$/;
const REST_OF_WORD = /^[\p{L}\p{N}_\-./]*/u;

/** Null where the text before the cursor cannot be understood. */
export function askedAt(text: string, cursor: number): Asked | null {
  const before = text.slice(0, cursor);
  const { steps } = readFilter(before);
  const last = steps.at(-1);
  if (last === undefined) return null;
  const token = steps.findLast((each) => each.token !== null)?.token ?? null;
  const rest = before.slice(token?.end ?? 0);
  const typed = rest.trimStart();
  const start = cursor - typed.length;
  if (typed === "") {
    const written = steps.findLast((each) => each.token === token);
    const isOpen = rest === "" && token !== null && !WHOLE.has(token.kind) && written !== undefined;
    if (isOpen) return asked(written, token.text, token.start, cursor + lengthOfRest(text, cursor));
    return asked(last, "", cursor, cursor);
  }
  const quote = QUOTE.exec(typed)?.[0];
  if (quote !== undefined) {
    const inside = typed.slice(1).replaceAll(quote + quote, quote);
    const after = lengthOfRest(text, cursor);
    const isClosed = text.charAt(cursor + after) === quote;
    return asked(last, inside, start, isClosed ? cursor + after + 1 : cursor);
  }
  return ONE_WORD.test(typed) ? asked(last, typed, start, cursor + lengthOfRest(text, cursor)) : null;
}

const lengthOfRest = (text: string, cursor: number): number => REST_OF_WORD.exec(text.slice(cursor))?.[0].length ?? 0;

function asked(step: Step, typed: string, start: number, end: number): Asked {
  const { place, prefix, name, operator } = step;
  const entity = prefix === null ? null : (PREFIXES.get(prefix.text.slice(0, -1)) ?? null);
  return { place, typed, start, end, entity, key: name === null ? null : keyThatIs(name), operator };
}

function keyThatIs(name: WrittenName): Key | null {
  try {
    return keyOf(name);
  } catch (error) {
    if (error instanceof FaultError) return null;
    throw error;
  }
}
