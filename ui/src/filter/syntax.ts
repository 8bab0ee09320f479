/**
 * From the text of a filter to its comparisons: the grammar of `trivet_kit/search/language.lark`.
 *
 * As there, only what may come next is looked for: after a prefix every word is a key, and `"x"` is a key where a name
 * stands and a text where a value does.
 */

import { FaultError, shown } from "~/filter/faults";

/** What may stand somewhere. */
export type Place =
  | "name"
  | "key"
  | "operator"
  | "after not"
  | "after is"
  | "after is not"
  | "list"
  | "value"
  | "member"
  | "bound"
  | "after bound"
  | "after member"
  | "join"
  | "join in group";

type Kind =
  | "PREFIX"
  | "KEY"
  | "WORD"
  | "AGGREGATE"
  | "SINGLE_QUOTED"
  | "DOUBLE_QUOTED"
  | "BACKTICKED"
  | "NUMBER"
  | "BARE"
  | "COMPARATOR"
  | "AND"
  | "OR"
  | "NOT"
  | "BETWEEN"
  | "LIKE"
  | "ILIKE"
  | "IN"
  | "IS"
  | "NULL"
  | "OPEN"
  | "CLOSE"
  | "COMMA";

/** A piece of the text. */
export interface Token {
  readonly kind: Kind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A name as it was written. */
export interface WrittenName {
  readonly prefix: Token | null;
  readonly key: Token;
  readonly aggregate: Token | null;
}

/** What counts for the depth of the nesting; a comparison also has its parts. */
export interface Item {
  readonly start: number;
  readonly depth: number;
  readonly comparison: WrittenComparison | null;
}

export interface WrittenComparison {
  readonly name: WrittenName;
  /** In capitals, with single blanks: `NOT IN`. */
  readonly operator: string;
  readonly operatorStart: number;
  readonly values: readonly Token[];
}

/** A token with what could have stood in its place. */
export interface Step {
  readonly place: Place;
  /** Null at the end of what was understood. */
  readonly token: Token | null;
  /** The prefix that the place follows, where it is that of a key. */
  readonly prefix: Token | null;
  /** What is compared there, where the place is in a comparison. */
  readonly name: WrittenName | null;
  readonly operator: string;
}

const LETTER = String.raw`[\p{L}\p{N}_`;
const WORD_ENDS = String.raw`(?!${LETTER}\-./])`;
const keyword = (word: string): RegExp => new RegExp(`${word}${WORD_ENDS}`, "iuy");
const KEYWORDS = "AND|OR|NOT|BETWEEN|IN|IS|NULL|LIKE|ILIKE|ASC|DESC";
// What Python takes for white space.
const BLANK = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const BLANKS = new RegExp(`[${BLANK}]*`, "uy");
const BLANKS_AT_END = new RegExp(`[${BLANK}]+$`, "u");
const BREAKS = String.raw`${BLANK}'"\x60(),=<>!`;
// A quote inside is doubled. The last part keeps 'it'' from being read as 'it' and the rest.
const quotedBy = (quote: string): string => `${quote}[^${quote}]*(?:${quote}${quote}[^${quote}]*)*${quote}(?!${quote})`;

const PATTERNS: Readonly<Record<Kind, RegExp>> = {
  PREFIX: new RegExp(String.raw`${LETTER}\-/]+\.`, "uy"),
  KEY: new RegExp(String.raw`${LETTER}\-./]+`, "uy"),
  WORD: new RegExp(String.raw`(?!(?:${KEYWORDS})${WORD_ENDS})${LETTER}\-/]+`, "iuy"),
  AGGREGATE: new RegExp(String.raw`\.(?:last|min|max)${WORD_ENDS}`, "uy"),
  SINGLE_QUOTED: new RegExp(quotedBy("'"), "uy"),
  DOUBLE_QUOTED: new RegExp(quotedBy('"'), "uy"),
  BACKTICKED: new RegExp(quotedBy("`"), "uy"),
  NUMBER: new RegExp(String.raw`[+\-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+\-]?[0-9]+)?(?![^${BREAKS}])`, "uy"),
  BARE: new RegExp(String.raw`(?!(?:AND|OR|NOT|BETWEEN)${WORD_ENDS})[^${BREAKS}]+`, "iuy"),
  COMPARATOR: /!=|<=|>=|=|<|>/uy,
  AND: keyword("AND"),
  OR: keyword("OR"),
  NOT: keyword("NOT"),
  BETWEEN: keyword("BETWEEN"),
  LIKE: keyword("LIKE"),
  ILIKE: keyword("ILIKE"),
  IN: keyword("IN"),
  IS: keyword("IS"),
  NULL: keyword("NULL"),
  OPEN: /\(/uy,
  CLOSE: /\)/uy,
  COMMA: /,/uy,
};

const VALUES: readonly Kind[] = ["NUMBER", "SINGLE_QUOTED", "DOUBLE_QUOTED", "BARE"];
const KINDS: Readonly<Record<Place, readonly Kind[]>> = {
  name: ["PREFIX", "BACKTICKED", "DOUBLE_QUOTED", "NOT", "WORD", "OPEN"],
  key: ["KEY", "BACKTICKED", "DOUBLE_QUOTED"],
  operator: ["COMPARATOR", "LIKE", "ILIKE", "BETWEEN", "NOT", "IN", "IS"],
  "after not": ["BETWEEN", "IN"],
  "after is": ["NOT", "NULL"],
  "after is not": ["NULL"],
  list: ["OPEN"],
  value: VALUES,
  member: VALUES,
  bound: VALUES,
  "after bound": ["AND"],
  "after member": ["COMMA", "CLOSE"],
  join: ["AND", "OR"],
  "join in group": ["AND", "OR", "CLOSE"],
};

const A_VALUE = "a value, a quoted text or a number,";
const WANTED: Readonly<Record<Place, string>> = {
  name: "a name",
  key: "a key in letters, digits, _ - . and /, or in backticks,",
  operator: "an operator, such as = or LIKE,",
  "after not": "IN or BETWEEN",
  "after is": "NULL or NOT NULL",
  "after is not": "NULL",
  list: "a list of values in parentheses",
  value: A_VALUE,
  member: A_VALUE,
  bound: A_VALUE,
  "after bound": "AND and the upper bound",
  "after member": "a comma or a closing parenthesis",
  join: "AND, OR or the end",
  "join in group": "AND, OR or a closing parenthesis",
};

/** What must stand at a place, as a sentence goes on with it. */
export const wantedAt = (place: Place): string => WANTED[place].replace(/,$/, "");

// A quoted text that is not closed is found as its quote alone.
const FOUND = new RegExp(String.raw`${["'", '"', "`"].map(quotedBy).join("|")}|${LETTER}\-./]+|&&|\|\||.`, "suy");
const WRITTEN_ELSEWHERE: Readonly<Record<string, string>> = { "==": "=", "<>": "!=", "&&": "AND", "||": "OR" };

/** Whether a key or a value stands in quotes or backticks. */
export const isQuoted = (token: Token): boolean =>
  token.kind === "SINGLE_QUOTED" || token.kind === "DOUBLE_QUOTED" || token.kind === "BACKTICKED";

/** What a key or a value says, quoted or not. */
export function unquoted(token: Token): string {
  if (!isQuoted(token)) return token.text;
  const quote = token.text.charAt(0);
  return token.text.slice(1, -1).replaceAll(quote + quote, quote);
}

/** Reads a text once, and keeps what was expected on the way. */
export class Reader {
  readonly steps: Step[] = [];
  private at = 0;
  private name: WrittenName | null = null;
  private operator = "";

  constructor(private readonly text: string) {}

  /** The items in their order; a blank text has none. Throws FaultError. */
  items(): Item[] {
    const items: Item[] = [];
    const groups: number[] = [];
    let depth = 0;
    if (this.isAtEnd()) {
      this.step("name", null);
      return items;
    }
    for (;;) {
      let here = depth;
      let isNegated = false;
      for (;;) {
        const token = this.need("name");
        if (token.kind === "NOT") {
          items.push({ start: token.start, depth: here, comparison: null });
          here += 1;
          isNegated = true;
        } else if (token.kind === "OPEN") {
          // Parentheses right after NOT are one level with it.
          groups.push(depth);
          depth = isNegated ? here : here + 1;
          here = depth;
          isNegated = false;
        } else {
          items.push({ start: token.start, depth: here, comparison: this.comparison(token) });
          break;
        }
      }
      for (;;) {
        if (groups.length === 0 && this.isAtEnd()) {
          this.step("join", null);
          return items;
        }
        if (this.need(groups.length === 0 ? "join" : "join in group").kind !== "CLOSE") break;
        depth = groups.pop() ?? 0;
      }
    }
  }

  private comparison(first: Token): WrittenComparison {
    const name = this.writtenName(first);
    this.name = name;
    const token = this.need("operator");
    const values: Token[] = [];
    const membership = (operator: string): void => {
      this.operator = operator;
      this.need("list");
      do values.push(this.need("member"));
      while (this.need("after member").kind === "COMMA");
    };
    const range = (operator: string): void => {
      this.operator = operator;
      values.push(this.need("bound"));
      this.need("after bound");
      values.push(this.need("bound"));
    };
    if (token.kind === "IN") membership("IN");
    else if (token.kind === "BETWEEN") range("BETWEEN");
    else if (token.kind === "NOT") {
      if (this.need("after not").kind === "IN") membership("NOT IN");
      else range("NOT BETWEEN");
    } else if (token.kind === "IS") {
      this.operator = "IS NULL";
      if (this.need("after is").kind === "NOT") {
        this.need("after is not");
        this.operator = "IS NOT NULL";
      }
    } else {
      this.operator = token.text.toUpperCase();
      values.push(this.need("value"));
    }
    const { operator } = this;
    this.name = null;
    this.operator = "";
    return { name, operator, operatorStart: token.start, values };
  }

  private writtenName(first: Token): WrittenName {
    if (first.kind !== "PREFIX") return { prefix: null, key: first, aggregate: null };
    const key = this.need("key", first);
    return { prefix: first, key, aggregate: isQuoted(key) ? this.match("AGGREGATE") : null };
  }

  private isAtEnd(): boolean {
    this.skipBlanks();
    return this.at === this.text.length;
  }

  private skipBlanks(): void {
    BLANKS.lastIndex = this.at;
    this.at += BLANKS.exec(this.text)?.[0].length ?? 0;
  }

  /** The next token, of the kinds that a place takes. */
  private need(place: Place, prefix: Token | null = null): Token {
    for (const kind of KINDS[place]) {
      const token = this.match(kind);
      if (token !== null) {
        this.step(place, token, prefix);
        return token;
      }
    }
    this.step(place, null, prefix);
    throw this.fault(WANTED[place]);
  }

  private match(kind: Kind): Token | null {
    this.skipBlanks();
    const pattern = PATTERNS[kind];
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return null;
    const start = this.at;
    this.at += found.length;
    return { kind, text: found, start, end: this.at };
  }

  private step(place: Place, token: Token | null, prefix: Token | null = null): void {
    this.steps.push({ place, token, prefix, name: this.name, operator: this.operator });
  }

  private fault(wanted: string): FaultError {
    const { text, at } = this;
    FOUND.lastIndex = at;
    const word = FOUND.exec(text)?.[0];
    if (word === undefined) {
      // Blanks at the end are not where anybody looks.
      return new FaultError(text.replace(BLANKS_AT_END, "").length, `the filter ends where ${wanted} must stand`, true);
    }
    if (word === "'" || word === '"' || word === "`") {
      const problem = `the quote is not closed; add a ${word} at the end, and double each ${word} inside`;
      return new FaultError(at, problem, true);
    }
    const two = text.slice(Math.max(at - 1, 0), at + 1);
    const instead = WRITTEN_ELSEWHERE[two];
    if (instead !== undefined) return new FaultError(at - 1, `${two} is not an operator; write ${instead}`);
    const join = WRITTEN_ELSEWHERE[word];
    if (join !== undefined) return new FaultError(at, `${word} is not part of the language; write ${join}`);
    return new FaultError(at, `${wanted} must stand here, not ${shown(word)}`);
  }
}
