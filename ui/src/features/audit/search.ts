/** What the URL says of the page of audit events: which of them are shown. */
export interface AuditSearch {
  /** Only what this principal did. */
  readonly who?: string;
  /** Only calls of this method. */
  readonly method?: string;
  /** Only what named this: a name, of which `workspaces/W/` may be left away. */
  readonly resource?: string;
  readonly outcome?: Outcome;
  /** Only what was at this time or later, in milliseconds since the Unix epoch. */
  readonly since?: number;
  /** Only what was before this time. */
  readonly until?: number;
}

export const OUTCOMES = ["succeeded", "denied", "failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The part of a query string that is understood; the rest is dropped. */
export function auditSearch(raw: Record<string, unknown>): AuditSearch {
  const outcome = OUTCOMES.find((each) => each === raw["outcome"]);
  const { since, until } = raw;
  return {
    ...text("who", raw["who"]),
    ...text("method", raw["method"]),
    ...text("resource", raw["resource"]),
    ...(outcome === undefined ? {} : { outcome }),
    ...(isTime(since) ? { since } : {}),
    ...(isTime(until) ? { until } : {}),
  };
}

// A text of digits alone comes out of a query string as a number.
function text(key: "who" | "method" | "resource", value: unknown): AuditSearch {
  const given = (typeof value === "number" ? String(value) : typeof value === "string" ? value : "").trim();
  return given === "" ? {} : { [key]: given };
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
