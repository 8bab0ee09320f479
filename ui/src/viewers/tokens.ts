/** A piece of a line of code, and what it is: classes of highlight.js, or nothing. */
export interface Token {
  /** Where it begins in its line. */
  readonly at: number;
  readonly text: string;
  readonly className: string;
}

/** A line, with its number from 1 on. */
export interface Line {
  readonly number: number;
  readonly tokens: readonly Token[];
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
};
const PART = /<span class="([^"]*)">|<\/span>|([^<]+)/g;
const NEW_LINE = /\r\n|\n|\r/;

/** The lines of what highlight.js makes of code. It is read, and never becomes part of the page as it is. */
export function linesOf(html: string): readonly Line[] {
  const lines = [{ number: 1, length: 0, tokens: new Array<Token>() }];
  const open: string[] = [];
  for (const [part, className, escaped] of html.matchAll(PART)) {
    if (className !== undefined) open.push(className);
    else if (escaped === undefined) open.pop();
    else {
      for (const [index, text] of plain(part).split(NEW_LINE).entries()) {
        if (index > 0) lines.push({ number: lines.length + 1, length: 0, tokens: [] });
        const line = lines.at(-1);
        if (text === "" || line === undefined) continue;
        line.tokens.push({ at: line.length, text, className: open.join(" ") });
        line.length += text.length;
      }
    }
  }
  return lines;
}

/** The lines of plain text. */
export const plainLines = (text: string): readonly Line[] =>
  text.split(NEW_LINE).map((line, index) => ({ number: index + 1, tokens: [{ at: 0, text: line, className: "" }] }));

const plain = (escaped: string): string =>
  escaped.replace(/&(?:amp|lt|gt|quot|#x27);/g, (entity) => ENTITIES[entity] ?? entity);
