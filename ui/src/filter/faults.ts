/** What is wrong with a filter, and where: in the words of the server (`trivet_kit.search.faults`). */

/** Something is wrong at a place of the text. */
export interface Fault {
  /** How many UTF-16 units stand before the place. */
  readonly offset: number;
  /** What is wrong and what to do, without a full stop. */
  readonly problem: string;
  /** Whether the text only ends too early, as every filter does while it is typed. */
  readonly isUnfinished: boolean;
}

/** Thrown inside the reader; `readFilter` gives the fault as a value. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(offset: number, problem: string, isUnfinished = false) {
    super(problem);
    this.fault = { offset, problem, isUnfinished };
  }
}

const MOST_SHOWN = 40;
const PRINTABLE = /^[^\p{C}\p{Z}]$|^ $/u;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** What was written, as a message can show it: on one line, and not all of it when it is long. */
export function shown(written: string): string {
  const characters = Array.from(written);
  const start = characters.slice(0, MOST_SHOWN).map((each) => (PRINTABLE.test(each) ? each : escaped(each)));
  return start.join("") + (characters.length > MOST_SHOWN ? "…" : "");
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return SHORT_ESCAPES[character] ?? `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

/** Where a character of a text is that the server counts from 1: in UTF-16 units from 0. */
export function offsetOf(text: string, position: number): number {
  return Array.from(text)
    .slice(0, Math.max(0, position - 1))
    .join("").length;
}

/** The position, counted in characters from 1, of what so many UTF-16 units stand before. */
export const positionOf = (text: string, offset: number): number => Array.from(text.slice(0, offset)).length + 1;
