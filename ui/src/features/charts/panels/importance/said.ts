import type { Analysis } from "~/features/charts/panels/importance/analysis";
import { FEWEST_CORRELATED, FEWEST_FOR_IMPORTANCE } from "~/features/charts/panels/importance/analysis";

/** Who tells less of the order of runs knows next to nothing. */
const LEAST_EXPLAINED = 0.1;

/** What an answer is based on, and how far it can be trusted. */
export function basisOf({ runs, notFinite, same, leftOut, explained }: Analysis, label: string): string {
  const left =
    notFinite === 0 ? "" : ` ${notFinite} with ${label} that is not finite ${notFinite === 1 ? "is" : "are"} left out.`;
  const based = `Based on ${runs} ${runs === 1 ? "run" : "runs"} with ${label}.${left}`;
  const alike = same === 0 ? "" : ` ${same} ${same === 1 ? "param is" : "params are"} the same in all of them.`;
  const many = leftOut === 0 ? "" : ` ${leftOut} ${leftOut === 1 ? "param is" : "params are"} left out.`;
  return `${based}${alike}${many} ${trustOf(runs, explained)}`;
}

function trustOf(runs: number, explained: number | null): string {
  if (runs < FEWEST_CORRELATED) return `Nothing can be said of fewer than ${FEWEST_CORRELATED} runs.`;
  if (explained === null) {
    return runs < FEWEST_FOR_IMPORTANCE
      ? `Importance needs ${FEWEST_FOR_IMPORTANCE} runs.`
      : "There is no importance where all runs are the same.";
  }
  return explained < LEAST_EXPLAINED
    ? "The params hardly tell the order of runs that were not seen before: do not rely on their importance."
    : `Together the params tell ${Math.round(100 * explained)} % of the order of runs that were not seen before.`;
}
