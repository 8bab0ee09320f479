import { containing } from "~/filter/quote";

const COMPARISON =
  /^(?:\(\s*|not\s+)*(?:(?:metric|param|parameter|tag)s?\.|(?:name|model_id|model_type|status|source_run_id|creation_timestamp|last_updated_timestamp|creation_time|last_updated_time)\s*(?:[=<>]|!=|(?:not|like|ilike|in|between)\b))/i;

/** The filter that a search for logged models means: a comparison is itself, and all else is part of a name. */
export function loggedModelsFilter(typed: string): string {
  const text = typed.trim();
  return text === "" || COMPARISON.test(text) ? text : `name ILIKE ${containing(text)}`;
}
