import type { Place } from "~/api/files";
import { readBytes } from "~/api/files";
import { shortNumber } from "~/shared/format/numbers";
import { isObject } from "~/viewers/json";
import { textIn } from "~/viewers/reading";

/** A histogram as `log_histogram` writes it: counts between edges, of which there is one more. */
export interface Distribution {
  readonly counts: readonly number[];
  readonly edges: readonly number[];
}

/** Large ones are cut by nobody's eye: a histogram has some hundred intervals. */
const MOST_BYTES = 4 * 2 ** 20;

export async function readDistribution(place: Place, signal?: AbortSignal): Promise<Distribution> {
  const found = distributionIn(JSON.parse(textIn(await readBytes(place, { limit: MOST_BYTES }, signal))));
  if (found === null) throw new Error(`${place.path} is no histogram as log_histogram writes it`);
  return found;
}

/** The histogram that a value is; null where it is something else. */
export function distributionIn(value: unknown): Distribution | null {
  if (!isObject(value)) return null;
  const { counts, edges } = value;
  if (!areNumbers(counts) || !areNumbers(edges) || edges.length !== counts.length + 1) return null;
  return { counts, edges };
}

const areNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((each) => typeof each === "number");

/** Its intervals, as charts know them. */
export const binsIn = ({ counts, edges }: Distribution) =>
  counts.map((_, place) => {
    const range = [edges[place] ?? 0, edges[place + 1] ?? 0] as const;
    return { label: range.map(shortNumber).join(" to "), range };
  });
