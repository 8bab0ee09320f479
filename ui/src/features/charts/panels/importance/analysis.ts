import { MetricFigure } from "~/api/gen/trivet/tracking/v1/param_importance_pb";
import type { ParamFinding, ParamImportance, RankCorrelation } from "~/api/gen/trivet/tracking/v1/param_importance_pb";
import type { AxisKind } from "~/features/charts/panels/axes";

/** From so many runs on, the server tells importance, as the contract says. */
export const FEWEST_FOR_IMPORTANCE = 10;
/** From so many on, it tells correlations. */
export const FEWEST_CORRELATED = 5;

/** How far a param and the target rise and fall together, by the ranks of their values. */
export interface Correlation {
  /** From −1 to 1. */
  readonly coefficient: number;
  /** Where the coefficient of all such runs lies, with a confidence of 95 %. */
  readonly interval: readonly [number, number];
  /** How many runs have both. */
  readonly runs: number;
}

/** How a param and the target go together. */
export interface Finding {
  readonly key: string;
  /** Its part of what the params tell of the target; null where there is no importance. */
  readonly importance: number | null;
  readonly isAboveChance: boolean;
  /** Null of more than two categories, and of too few runs. */
  readonly correlation: Correlation | null;
  /** Of two categories, the one that a positive correlation goes with. */
  readonly towards: string | null;
}

/** What the server found out of some runs. */
export interface Analysis {
  /** How many runs have a finite target: all that is said is based on them. */
  readonly runs: number;
  /** How many have the target, but not as a finite number. */
  readonly notFinite: number;
  /** How many params are the same in all of them, and left out. */
  readonly same: number;
  /** How many params differ and are left out, because there are too many. */
  readonly leftOut: number;
  /** The part of the order of the runs that the params tell; null where there is no importance. */
  readonly explained: number | null;
  /** The most important first. */
  readonly findings: readonly Finding[];
}

/** What is said of no runs. */
export const NOTHING: Analysis = { runs: 0, notFinite: 0, same: 0, leftOut: 0, explained: null, findings: [] };

/** Which value of a metric each kind of axis has. */
export const FIGURES = {
  metrics: MetricFigure.LAST,
  min: MetricFigure.MIN,
  max: MetricFigure.MAX,
} as const satisfies Partial<Record<AxisKind, MetricFigure>>;

export const analysisOf = (found: ParamImportance): Analysis => ({
  runs: found.runs,
  notFinite: found.notFiniteRuns,
  same: found.sameParams,
  leftOut: found.leftOutParams,
  explained: found.explained ?? null,
  findings: found.findings.map(findingOf),
});

const findingOf = ({ key, importance, aboveChance, correlation, towards }: ParamFinding): Finding => ({
  key,
  importance: importance ?? null,
  isAboveChance: aboveChance,
  correlation: correlation === undefined ? null : correlationOf(correlation),
  towards: towards === "" ? null : towards,
});

const correlationOf = ({ coefficient, low, high, runs }: RankCorrelation): Correlation => ({
  coefficient,
  interval: [low, high],
  runs,
});
