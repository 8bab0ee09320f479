import type { Range, XAxis } from "~/charts/curve";

/** What lines may be drawn over; steps where nothing is said. */
export const X_AXES = ["relative", "time"] as const satisfies readonly XAxis[];
export type ChosenAxis = (typeof X_AXES)[number];

export const MOST_SMOOTHING = 0.999;

/** The part of a query string that says what lines are drawn over. */
export const axisIn = (raw: unknown): ChosenAxis | undefined => X_AXES.find((each) => each === raw);

/** The weight by which lines are smoothed. */
export const smoothingIn = (raw: unknown): number | undefined =>
  typeof raw === "number" && raw > 0 && raw <= MOST_SMOOTHING ? raw : undefined;

/** The part of an axis that is looked at. */
export function rangeIn(raw: unknown): Range | undefined {
  if (!Array.isArray(raw) || raw.length !== 2) return undefined;
  const [from, to]: unknown[] = raw;
  return typeof from === "number" && typeof to === "number" && from < to ? [from, to] : undefined;
}
