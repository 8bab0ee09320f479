/** What is wrong with a filter, as the box shows it. */

import type { Failure } from "~/api/errors";
import { offsetOf } from "~/filter/faults";

/** A part of the text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Refusal {
  /** What to underline; null where nobody knows. */
  readonly span: Span | null;
  readonly message: string;
}

const WORD = /^(?:'[^']*'?|"[^"]*"?|`[^`]*`?|[\p{L}\p{N}_\-./]+|[=<>!&|]+|\S)/u;

/** The word that begins at a place; where the text ends there, one blank after it. */
export function spanOf(text: string, offset: number): Span {
  const length = WORD.exec(text.slice(offset))?.[0].length ?? 1;
  return { start: offset, end: offset + length };
}

/** Null where the server had nothing to say of this filter. */
export function refusalBy(failure: Failure | null, text: string): Refusal | null {
  if (failure === null || failure.reason !== "FILTER_INVALID") return null;
  const position = Number(failure.facts["position"] ?? "");
  const message = failure.message.replace(/^Filter at character \d+/, `Character ${position}`);
  return { span: position > 0 ? spanOf(text, offsetOf(text, position)) : null, message };
}
