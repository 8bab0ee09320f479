/** A column or tensor that a model takes or gives, or a parameter of inference. */
export interface SchemaColumn {
  /** Empty where the model goes by position. */
  readonly name: string;
  /** `double`, `tensor float32 (-1, 3)`, `array of string`. */
  readonly type: string;
  readonly isRequired: boolean;
  /** JSON; empty where it has none. */
  readonly defaultValue: string;
}

/** The columns of one part of a signature; null where the text has another form. */
export function columnsOf(json: string): SchemaColumn[] | null {
  if (json === "") return [];
  try {
    const parsed: unknown = JSON.parse(json);
    return Array.isArray(parsed) ? parsed.map((each) => columnOf(each)) : null;
  } catch {
    return null;
  }
}

function columnOf(value: unknown): SchemaColumn {
  const name = part(value, "name");
  const defaultValue = part(value, "default");
  return {
    name: typeof name === "string" ? name : "",
    type: typeOf(value),
    isRequired: part(value, "required") !== false && defaultValue === undefined,
    defaultValue: defaultValue === undefined ? "" : JSON.stringify(defaultValue),
  };
}

function typeOf(value: unknown): string {
  const type = part(value, "type");
  if (type === "tensor") {
    const spec = part(value, "tensor-spec");
    const shape = part(spec, "shape");
    return `tensor ${text(part(spec, "dtype"))} (${Array.isArray(shape) ? shape.join(", ") : ""})`;
  }
  if (type === "array") return `array of ${typeOf(part(value, "items"))}`;
  if (type === "map") return `map of ${typeOf(part(value, "values"))}`;
  if (type === "object") {
    const properties = part(value, "properties");
    const named = typeof properties === "object" && properties !== null ? Object.entries(properties) : [];
    return `{${named.map(([key, inner]) => `${key}: ${typeOf(inner)}`).join(", ")}}`;
  }
  return text(type) || "any";
}

const part = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Object.entries(value).find(([each]) => each === key)?.[1] : undefined;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
