/** Rows of text that is separated by commas, tabs or semicolons (RFC 4180): quotes keep separators and new lines. */
export function parseDelimited(text: string, separator: string, isWhole: boolean): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    const [value, end, isClosed] = text[at] === '"' ? quotedAt(text, at, separator) : plainAt(text, at, separator);
    row.push(value);
    at = end;
    if (at >= text.length) {
      // The last row of a file that goes on may be cut anywhere.
      if (isWhole || !isClosed) break;
      return rows;
    }
    if (text[at] === separator) {
      at += 1;
      if (at === text.length) row.push("");
      continue;
    }
    at += text.startsWith("\r\n", at) ? 2 : 1;
    rows.push(row);
    row = [];
  }
  if (isWhole && row.length > 0) rows.push(row);
  return rows.filter((each) => each.length > 1 || each[0] !== "");
}

type Value = readonly [value: string, end: number, isClosed: boolean];

function plainAt(text: string, begin: number, separator: string): Value {
  let end = begin;
  while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end += 1;
  return [text.slice(begin, end), end, true];
}

function quotedAt(text: string, begin: number, separator: string): Value {
  let value = "";
  let from = begin + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return [value + text.slice(from), text.length, false];
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      // What stands between the closing quote and the separator belongs to the value, as spreadsheets read it.
      const [rest, end] = plainAt(text, quote + 1, separator);
      return [value + rest, end, true];
    }
    value += '"';
    from = quote + 2;
  }
}

/** What separates the values of a file: what its first line has most of. */
export function separatorOf(text: string, suffix: string): string {
  if (suffix === "tsv") return "\t";
  const line = text.slice(0, text.search(/[\r\n]|$/)).replace(/"[^"]*"/g, "");
  const counted = [",", ";", "\t"].map((each) => [each, line.split(each).length] as const);
  return counted.reduce((most, each) => (each[1] > most[1] ? each : most))[0];
}
