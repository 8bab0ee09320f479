import { group } from "d3-array";

import { bandOf } from "~/charts/band";
import type { Curve, LineSeries, Range } from "~/charts/curve";
import type { CurvesRead } from "~/features/charts/lines/CurveReader";
import { lineId } from "~/features/charts/lines/lines";
import type { Ranks } from "~/features/charts/lines/ranks";
import type { ShownRun } from "~/features/charts/panel";
import { count } from "~/shared/format/numbers";

type Curves = CurvesRead["curves"];

/** Strokes and gaps that tell the metrics of a panel apart, where it has several. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const SLOWEST_DASH = [3, 2];
/** A mean over time is as fine as lines are. */
const MOST_BUCKETS = 600;

/** A line for each run and metric. */
export function seriesOfRuns(runs: readonly ShownRun[], metrics: readonly string[], curves: Curves): LineSeries[] {
  return metrics.flatMap((key, place) => {
    const ofKey = curves.get(lineId(key, null));
    return runs.flatMap((run): LineSeries[] => {
      const curve = ofKey?.get(run.name);
      if (curve === undefined || curve.xs.length === 0) return [];
      const isOne = metrics.length === 1;
      return [
        {
          id: `${run.id} ${key}`,
          owner: run.id,
          label: isOne ? run.displayName : `${run.displayName}, ${key}`,
          color: run.color,
          dash: isOne ? run.dash : dashOf(place),
          curve,
        },
      ];
    });
  });
}

/** A line for each group and metric: the mean of its runs, with an area around it. */
export function seriesOfGroups(
  runs: readonly ShownRun[],
  metrics: readonly string[],
  curves: Curves,
  zoom: Range | null,
): LineSeries[] {
  const groups = group(runs, (run) => run.group ?? "");
  return metrics.flatMap((key, place) => {
    const ofKey = curves.get(lineId(key, null));
    return [...groups].flatMap(([name, members]): LineSeries[] => {
      const found = curvesOf(members.map((run) => ofKey?.get(run.name)));
      const [first] = members;
      if (first === undefined || found.length === 0) return [];
      const { mean, range } = bandOf(found, MOST_BUCKETS, zoom);
      const label = `${name} (${found.length === 1 ? "1 run" : `${count(found.length)} runs`})`;
      return [
        {
          // No id of a run looks like it.
          id: `=${name} ${key}`,
          label: metrics.length === 1 ? label : `${label}, ${key}`,
          color: first.color,
          dash: metrics.length === 1 ? [] : dashOf(place),
          curve: mean,
          band: range,
        },
      ];
    });
  });
}

/** Of each run the mean of its processes with an area around it, and the slowest by itself. */
export function seriesOfRanks(
  runs: readonly ShownRun[],
  metrics: readonly string[],
  curves: Curves,
  ranks: ReadonlyMap<string, ReadonlyMap<string, Ranks>>,
  zoom: Range | null,
): LineSeries[] {
  return metrics.flatMap((key) =>
    runs.flatMap((run): LineSeries[] => {
      const ofRun = ranks.get(key)?.get(run.name);
      if (ofRun === undefined || ofRun.slowest === null) return seriesOfRuns([run], [key], curves);
      const curveOf = (context: Ranks["ranks"][number]["context"]): Curve | undefined =>
        curves.get(lineId(key, context))?.get(run.name);
      const found = curvesOf(ofRun.ranks.map(({ context }) => curveOf(context)));
      if (found.length === 0) return [];
      const { mean, range } = bandOf(found, MOST_BUCKETS, zoom);
      const name = metrics.length === 1 ? run.displayName : `${run.displayName}, ${key}`;
      const common = { owner: run.id, color: run.color };
      const slowest = curveOf(ofRun.slowest.context);
      const { rank } = ofRun.slowest;
      return [
        {
          ...common,
          id: `${run.id} ${key}`,
          label: `${name}, ${count(found.length)} ranks`,
          dash: [],
          curve: mean,
          band: range,
        },
        ...(slowest === undefined || slowest.xs.length === 0
          ? []
          : [
              {
                ...common,
                id: `${run.id} ${key} slowest`,
                label: `${name}, rank ${rank} (slowest)`,
                dash: SLOWEST_DASH,
                curve: slowest,
                endLabel: `rank ${rank}`,
              },
            ]),
      ];
    }),
  );
}

const dashOf = (place: number): readonly number[] => DASHES[place % DASHES.length] ?? [];

const curvesOf = (curves: readonly (Curve | undefined)[]): Curve[] =>
  curves.filter((curve) => curve !== undefined).filter(({ xs }) => xs.length > 0);
