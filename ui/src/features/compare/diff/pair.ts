import type { ComparedRun } from "~/features/compare/comparison";

/** Two runs of which one is looked at beside the other. */
export interface Pair {
  readonly workspace: string;
  readonly one: ComparedRun;
  readonly other: ComparedRun;
}

/** The first run, and the one that was chosen to stand beside it, or the second; null where there is only one. */
export function pairOf(workspace: string, runs: readonly ComparedRun[], beside: string | undefined): Pair | null {
  const [one, ...rest] = runs;
  const other = rest.find((run) => run.id === beside) ?? rest[0];
  return one === undefined || other === undefined ? null : { workspace, one, other };
}
