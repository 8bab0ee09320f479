import type { Failure } from "~/api/errors";
import { quoted } from "~/filter/quote";
import type { RunsChoice, Since } from "~/shared/runs/choice";

const HOUR_MS = 3_600_000;
const SINCE_MS: Readonly<Record<Since, number>> = {
  "1h": HOUR_MS,
  "24h": 24 * HOUR_MS,
  "7d": 7 * 24 * HOUR_MS,
  "30d": 30 * 24 * HOUR_MS,
  "365d": 365 * 24 * HOUR_MS,
};
const FILTERS = ["filter", "view", "status", "since", "dataset"] as const;

/** Whether not all runs of the experiments may be there. */
export const isFiltered = (search: RunsChoice): boolean => FILTERS.some((each) => search[each] !== undefined);

/** What was typed and what was chosen beside it, as one filter. `now` is in milliseconds since the Unix epoch. */
export function filterOf(search: RunsChoice, now: number): string {
  const { filter, status, since, dataset } = search;
  const more = [
    ...(status === undefined ? [] : [`status = ${quoted(status)}`]),
    ...(since === undefined ? [] : [`start_time >= ${now - SINCE_MS[since]}`]),
    ...(dataset === undefined ? [] : [`datasets.name = ${quoted(dataset)}`]),
  ];
  return allOf([filter ?? "", ...more]);
}

/** A filter that passes what all of some pass. The first begins at the second character, where there are others. */
export function allOf(filters: readonly string[]): string {
  const parts = filters.filter((each) => each !== "");
  return parts.length < 2 ? (parts[0] ?? "") : parts.map((each) => `(${each})`).join(" AND ");
}

/** A failure of a search with its position counted in what was typed: that stands in parentheses where more was chosen. */
export function inTyped(failure: Failure, typed: string, sent: string): Failure {
  const position = Number(failure.facts["position"]);
  if (!(position > 1) || sent === typed) return failure;
  const inText = Math.min(position - 1, typed.length + 1);
  return {
    ...failure,
    message: failure.message.replace(`character ${position}`, `character ${inText}`),
    facts: { ...failure.facts, position: String(inText) },
  };
}
