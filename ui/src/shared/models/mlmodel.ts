/** What a model takes and gives: of each part the JSON text that MLmodel files have; empty where it is not known. */
export interface Signature {
  readonly inputs: string;
  readonly outputs: string;
  readonly params: string;
}

const PARTS = ["inputs", "outputs", "params"] as const;

/**
 * The signature in an MLmodel file; null where it has none. It is YAML, of which its writers use little: the signature is
 * a block with a quoted text or `null` for each part, so no reader of all YAML is loaded for it.
 */
export function signatureIn(mlmodel: string): Signature | null {
  const lines = mlmodel.split(/\r?\n/);
  const start = lines.findIndex((line) => /^signature:\s*$/.test(line));
  if (start === -1) return null;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^\S/.test(line));
  const block = (end === -1 ? rest : rest.slice(0, end)).join("\n");
  const [inputs = "", outputs = "", params = ""] = PARTS.map((part) => quotedValue(block, part));
  return inputs + outputs + params === "" ? null : { inputs, outputs, params };
}

function quotedValue(block: string, key: string): string {
  const single = new RegExp(String.raw`^\s+${key}: '((?:[^']|'')*)'`, "m").exec(block)?.[1];
  if (single !== undefined) return unfolded(single).replaceAll("''", "'");
  const double = new RegExp(String.raw`^\s+${key}: "((?:[^"\\]|\\[^])*)"`, "m").exec(block)?.[1];
  return double === undefined ? "" : unescaped(double);
}

/** Long texts go over several lines; a break and the spaces around it stand for one space. */
const unfolded = (text: string): string => text.replace(/[ \t]*\n[ \t]*/g, " ");

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "0": "\0", N: "\u0085", _: "\u00a0" };

/** The text between double quotes. */
function unescaped(text: string): string {
  // A backslash at the end of a line joins it to the next one.
  return unfolded(text.replace(/\\\n[ \t]*/g, "")).replace(
    /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([^]))/g,
    (_, two?: string, four?: string, eight?: string, one: string = "") => {
      const code = two ?? four ?? eight;
      return code === undefined ? (ESCAPED[one] ?? one) : String.fromCodePoint(Number.parseInt(code, 16));
    },
  );
}
