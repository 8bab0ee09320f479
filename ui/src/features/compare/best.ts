import type { Best } from "~/features/compare/search";

/** Names of metrics of which less is better, as a rule. */
const LESS =
  /loss|error|(^|[^a-z])(err|rmse|mae|mse|mape|rmsle|perplexity|ppl|wer|cer|nll|bpc|fid|latency|time|seconds|ms|regret)([^a-z]|$)/i;

/** Which values of a metric are best, by its name. */
export const guessedBest = (key: string): Best => (LESS.test(key) ? "min" : "max");

/** The best value; null where there is none, or all are the same. */
export function bestOf(values: readonly (number | null)[], best: Best): number | null {
  const there = values.filter((value): value is number => value !== null && !Number.isNaN(value));
  if (new Set(there).size < 2) return null;
  return there.reduce((one, other) => (best === "min" ? Math.min(one, other) : Math.max(one, other)));
}
