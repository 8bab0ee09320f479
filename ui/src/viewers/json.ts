/** What a JSON text has: as JavaScript has it, but whole numbers that it would round are kept by all their digits. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, keepDigits);
}

function keepDigits(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? "";
  return typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** A table as `log_table` writes it: names of columns, and rows. */
export interface LoggedTable {
  readonly columns: readonly string[];
  readonly data: readonly (readonly unknown[])[];
}

/** The table that a value is; null where it is something else. */
export function tableIn(value: unknown): LoggedTable | null {
  if (!isObject(value)) return null;
  const { columns, data } = value;
  if (!Array.isArray(columns) || !Array.isArray(data)) return null;
  if (!columns.every((each) => typeof each === "string")) return null;
  if (!data.every((row): row is unknown[] => Array.isArray(row))) return null;
  return { columns, data };
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The parts of an object or a list, each with its key; null for what has no parts. */
export function partsOf(value: unknown): readonly (readonly [string, unknown])[] | null {
  if (Array.isArray(value)) return value.map((each: unknown, index) => [String(index), each] as const);
  return isObject(value) ? Object.entries(value) : null;
}
