/** The door of the filter language: what is wrong with a text, in the server's words, before the server is asked. */

import type { Fault } from "~/filter/faults";
import { FaultError } from "~/filter/faults";
import { keyOf } from "~/filter/names";
import { checkOperands } from "~/filter/operands";
import type { Item, Step } from "~/filter/syntax";
import { Reader } from "~/filter/syntax";

const MAX_TEXT_BYTES = 64 * 1024;
const MAX_COMPARISONS = 100;
const MAX_DEPTH = 32;

/** What a text of the language says. */
export interface FilterReading {
  /** Null where the server takes it. */
  readonly fault: Fault | null;
  /** What was understood, piece by piece, and at the end what could follow. */
  readonly steps: readonly Step[];
}

export function readFilter(text: string): FilterReading {
  const reader = new Reader(text);
  try {
    checkText(text);
    checkItems(reader.items());
  } catch (error) {
    if (error instanceof FaultError) return { fault: error.fault, steps: reader.steps };
    throw error;
  }
  return { fault: null, steps: reader.steps };
}

function checkText(text: string): void {
  const half = /\p{Cs}/u.exec(text);
  if (half !== null) throw new FaultError(half.index, "half of a surrogate pair is not a character; remove it");
  const size = new TextEncoder().encode(text).length;
  if (size > MAX_TEXT_BYTES) {
    throw new FaultError(
      0,
      `the filter has ${size} bytes, and at most ${MAX_TEXT_BYTES} are read; ask for less at once`,
    );
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) throw new FaultError(nul, "no key and no value holds the character NUL; remove it");
}

function checkItems(items: readonly Item[]): void {
  let comparisons = 0;
  for (const { start, depth, comparison } of items) {
    if (depth > MAX_DEPTH) {
      throw new FaultError(start, `this is nested in more than ${MAX_DEPTH} parentheses and NOTs; write it flatter`);
    }
    if (comparison === null) continue;
    comparisons += 1;
    if (comparisons > MAX_COMPARISONS) {
      throw new FaultError(
        start,
        `this is comparison ${MAX_COMPARISONS + 1}, and at most ${MAX_COMPARISONS} are taken`,
      );
    }
    checkOperands(keyOf(comparison.name), comparison);
  }
}
