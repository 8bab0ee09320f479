/** The eight colours of terminals. */
export const ANSI_COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
export type AnsiColor = (typeof ANSI_COLORS)[number];

/** A part of a line that looks the same throughout. */
export interface Span {
  /** Where it begins in the line as it was written. */
  readonly begin: number;
  readonly text: string;
  readonly color: AnsiColor | null;
  readonly isBold: boolean;
}

/** What a terminal does instead of showing: ECMA-48 control sequences, commands to the system, and other escapes. */
const ESCAPES = String.raw`\u001b(?:\[([0-?]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])`;
const CONTROLS = String.raw`[\u0000-\u0008\u000b-\u001f\u007f]`;
const CONTROL = new RegExp(CONTROLS, "g");

/** A line in the colours that it was written in. Bright colours are as the others; what else terminals do is left out. */
export function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let color: AnsiColor | null = null;
  let isBold = false;
  let begin = 0;
  const add = (end: number): void => {
    const text = line.slice(begin, end).replace(CONTROL, "");
    if (text !== "") spans.push({ begin, text, color, isBold });
  };
  for (const found of line.matchAll(new RegExp(ESCAPES, "g"))) {
    add(found.index);
    begin = found.index + found[0].length;
    if (found[2] === "m") [color, isBold] = styled(found[1] ?? "", color, isBold);
  }
  add(line.length);
  return spans;
}

/** What a line says, without its colours. */
export const plain = (line: string): string =>
  spansOf(line)
    .map(({ text }) => text)
    .join("");

/** What is seen of a line that was written over: what follows its last return. */
export function lastWritten(line: string): string {
  const end = line.replace(/\r+$/, "");
  return end.slice(end.lastIndexOf("\r") + 1);
}

function styled(parameters: string, color: AnsiColor | null, isBold: boolean): [AnsiColor | null, boolean] {
  const codes = parameters.split(/[;:]/).map(Number);
  for (let place = 0; place < codes.length; place += 1) {
    const code = codes[place] ?? 0;
    if (code === 0) [color, isBold] = [null, false];
    else if (code === 1) isBold = true;
    else if (code === 22) isBold = false;
    else if (code === 39) color = null;
    else if (code >= 30 && code <= 37) color = ANSI_COLORS[code - 30] ?? null;
    else if (code >= 90 && code <= 97) color = ANSI_COLORS[code - 90] ?? null;
    else if (code === 38 || code === 48) {
      // One of 256, or red, green and blue: of those, the first sixteen have names.
      const isOneOf256 = codes[place + 1] === 5;
      const chosen = codes[place + 2] ?? 16;
      if (code === 38) color = isOneOf256 && chosen < 16 ? (ANSI_COLORS[chosen % 8] ?? null) : null;
      place += isOneOf256 ? 2 : 4;
    }
  }
  return [color, isBold];
}
