import { containing, quoted, quotedKey } from "~/filter/quote";

const NAME = /^(?:name|creation_timestamp|last_updated_timestamp|timestamp|tags?\.(?:`[^`]*`|"[^"]*"|[\w./-]+))/i;
const OPERATOR = /^\s*(?:[=<>]|!=|(?:not|like|ilike|in|is|between)\b)/i;

/**
 * The filter that a search for models means. Words are parts of names, `key:value` is a tag, as the list shows it, and
 * `key:` any value of it; what begins like a comparison is one already, in the whole language.
 */
export function modelsFilter(typed: string): string {
  const text = typed.trim();
  if (text === "" || isComparison(text)) return text;
  return text
    .split(/\s+/)
    .map((word) => {
      // No name of a model holds a colon.
      const colon = word.indexOf(":", 1);
      if (colon === -1) return `name ILIKE ${containing(word)}`;
      const tag = `tags.${quotedKey(word.slice(0, colon))}`;
      const value = word.slice(colon + 1);
      return value === "" ? `${tag} IS NOT NULL` : `${tag} = ${quoted(value)}`;
    })
    .join(" AND ");
}

function isComparison(text: string): boolean {
  const inner = text.replace(/^(?:\(\s*|not\s+)+/i, "");
  const name = NAME.exec(inner)?.[0];
  return name !== undefined && OPERATOR.test(inner.slice(name.length));
}
