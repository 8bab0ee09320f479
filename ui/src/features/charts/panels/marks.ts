import type { Coloring } from "~/charts/coloring";
import { coloringBy } from "~/charts/coloring";
import type { RunMark } from "~/charts/run";
import { dimensionOf } from "~/features/charts/panels/axes";
import type { ShownRun } from "~/features/charts/panel";

/** Runs as charts know them. */
export const marksOf = (runs: readonly ShownRun[]): RunMark[] =>
  runs.map(({ id, displayName }) => ({ id, name: displayName }));

/** Each run in the colour of the page, or by what it has on an axis. */
export const coloringOf = (runs: readonly ShownRun[], axis: string | undefined, isLog: boolean): Coloring =>
  axis === undefined
    ? { colors: runs.map((run) => run.color), legend: null }
    : coloringBy(dimensionOf(runs, axis), isLog);
