/** Which operators a key has, and which values they take (`trivet_kit.search.operands`). */

import { FaultError, shown } from "~/filter/faults";
import type { Token, WrittenComparison } from "~/filter/syntax";
import { isQuoted, unquoted } from "~/filter/syntax";
import type { Key } from "~/filter/vocabulary";
import { attributeOf, mayLack, typeOf } from "~/filter/vocabulary";

export const MAX_PATTERN_BYTES = 16 * 1024;

const ORDERING = ["=", "!=", "<", "<=", ">", ">="] as const;
const PATTERNS: readonly string[] = ["LIKE", "ILIKE"];
const LISTS = ["IN", "NOT IN"] as const;
const RANGES = ["BETWEEN", "NOT BETWEEN"] as const;
const ABSENCE: readonly string[] = ["IS NULL", "IS NOT NULL"];
const OF_TEXT: readonly string[] = ["=", "!=", ...PATTERNS, ...LISTS];
const OF_NUMBERS: readonly string[] = [...ORDERING, ...LISTS, ...RANGES];
const OF_PARAMS: readonly string[] = [...ORDERING, ...PATTERNS, ...LISTS, ...RANGES];

const SMALLEST = -(2n ** 63n);
const LARGEST = 2n ** 63n - 1n;

/** The operators of a key. */
export function operatorsOf(key: Key): readonly string[] {
  const own = key.entity === "params" ? OF_PARAMS : typeOf(key) === "text" ? OF_TEXT : OF_NUMBERS;
  return mayLack(key) ? [...own, ...ABSENCE] : own;
}

/** Throws FaultError where a key has not the operator, or not such values. */
export function checkOperands(key: Key, { operator, operatorStart, values }: WrittenComparison): void {
  const allowed = operatorsOf(key);
  if (!allowed.includes(operator)) {
    throw new FaultError(operatorStart, `${operator} does not work here; ${compared(key)} by ${allowed.join(", ")}`);
  }
  const [first] = values;
  if (first === undefined) return;
  if (PATTERNS.includes(operator)) {
    checkPattern(key, first);
    return;
  }
  const asNumbers = key.entity === "params" && (first.kind === "NUMBER" || !OF_TEXT.includes(operator));
  for (const value of values) {
    if (asNumbers) checkNumber(key, value);
    else checkValue(key, value);
  }
}

function checkValue(key: Key, token: Token): void {
  switch (typeOf(key)) {
    case "number":
      return checkNumber(key, token);
    case "time":
      return checkInteger(key, token, "1767225600000, milliseconds since the Unix epoch");
    case "whole number":
      return checkInteger(key, token, "3");
    case "text":
      return checkOneOfThose(key, token);
  }
}

function checkOneOfThose(key: Key, token: Token): void {
  const text = textOf(key, token);
  const values = key.entity === "attributes" ? attributeOf(key.name)?.values : undefined;
  if (values !== undefined && !values.includes(text)) {
    const problem = `${key.name} is never ${shown(token.text)}; it is one of ${values.join(", ")}`;
    throw new FaultError(token.start, problem);
  }
}

function checkPattern(key: Key, token: Token): void {
  const size = new TextEncoder().encode(textOf(key, token)).length;
  if (size > MAX_PATTERN_BYTES) {
    const problem = `the pattern has ${size} bytes, and at most ${MAX_PATTERN_BYTES} are compared`;
    throw new FaultError(token.start, problem);
  }
}

function textOf(key: Key, token: Token): string {
  if (isQuoted(token)) return unquoted(token);
  const word = shown(token.text);
  throw new FaultError(token.start, `${word} is not quoted; ${compared(key)} as text: write '${word}'`);
}

function checkNumber(key: Key, token: Token): void {
  if (token.kind !== "NUMBER") throw notANumber(key, token, "number", "0.5, -1 or 1e-3");
  if (!Number.isFinite(Number(token.text))) {
    throw new FaultError(token.start, `${shown(token.text)} is out of range; numbers go up to about 1.8e308`);
  }
}

function checkInteger(key: Key, token: Token, example: string): void {
  const digits = token.text.replace(/^[+-]/, "");
  if (token.kind !== "NUMBER" || !/^[0-9]+$/.test(digits)) throw notANumber(key, token, "whole number", example);
  const size = BigInt(digits);
  const number = token.text.startsWith("-") ? -size : size;
  if (number < SMALLEST || number > LARGEST) {
    const problem = `${shown(token.text)} is out of range; ${key.name} is a signed integer of 64 bits`;
    throw new FaultError(token.start, problem);
  }
}

function notANumber(key: Key, token: Token, kind: string, example: string): FaultError {
  const inside = unquoted(token);
  const looksLikeOne = /^\p{Nd}+$/u.test(inside.replace(/^[+-]+/, "").replace(".", ""));
  const problem =
    isQuoted(token) && looksLikeOne
      ? `${shown(token.text)} is quoted; ${compared(key)} as ${kind}s: write ${shown(inside)}`
      : `${shown(token.text)} is not a ${kind}; ${compared(key)} as ${kind}s, such as ${example}`;
  return new FaultError(token.start, problem);
}

const compared = (key: Key): string =>
  key.entity === "attributes" ? `${key.name} is compared` : `${key.entity} are compared`;
