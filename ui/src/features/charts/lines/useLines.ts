import { useMemo } from "react";

import type { Failure } from "~/api/errors";
import type { LineSeries } from "~/charts/curve";
import type { LinesSettings } from "~/features/charts/lines/kind";
import { lineOfMetric, linesOfRanks } from "~/features/charts/lines/lines";
import { seriesOfGroups, seriesOfRanks, seriesOfRuns } from "~/features/charts/lines/series";
import { useCurves } from "~/features/charts/lines/useCurves";
import { useRanks } from "~/features/charts/lines/useRanks";
import type { PanelBodyProperties, ShownRun } from "~/features/charts/panel";
import { useStable } from "~/shared/hooks/useStable";

/** What a panel draws, as far as it has been read. */
export interface Lines {
  readonly series: readonly LineSeries[];
  /** Lines of a run that somebody points at, where it has none of its own among the others. */
  readonly above: readonly LineSeries[];
  readonly isPending: boolean;
  /** Whether what is looked at is read more finely. */
  readonly isCoarse: boolean;
  readonly failure: Failure | null;
  readonly retry: () => void;
}

interface Properties extends Pick<
  PanelBodyProperties<LinesSettings>,
  "runs" | "settings" | "look" | "zoom" | "changes" | "lit"
> {
  /** How wide the panel is, in pixels; null before that is known. */
  readonly width: number | null;
}

const NARROW_PIXELS = 520;
/** Two sizes alone: panels beside each other are read together, and a little wider one is not read again. */
const NARROW_BUCKETS = 400;
const WIDE_BUCKETS = 1000;
const NO_RUNS: readonly ShownRun[] = [];

/** The lines of a panel. */
export function useLines({ runs, settings, look, zoom, changes, lit, width }: Properties): Lines {
  const { bands } = settings;
  const metrics = useStable(settings.metrics);
  const ranks = useRanks(bands === "ranks" ? runs : NO_RUNS, metrics, changes);
  const lines = useStable(
    metrics.flatMap((key) => {
      const ofKey = ranks.get(key);
      const whole = runs.map((run) => run.name).filter((name) => (ofKey?.get(name)?.slowest ?? null) === null);
      return [lineOfMetric(key, whole), ...(ofKey === undefined ? [] : linesOfRanks(key, ofKey))];
    }),
  );
  const { axis } = look;
  const { curves, ...read } = useCurves({ lines, axis, zoom, buckets: bucketsIn(width), changes });
  const isGrouped = bands === "groups" && runs.some((run) => run.group !== null);
  const series = useMemo(() => {
    if (isGrouped) return seriesOfGroups(runs, metrics, curves, zoom);
    return bands === "ranks" ? seriesOfRanks(runs, metrics, curves, ranks, zoom) : seriesOfRuns(runs, metrics, curves);
  }, [isGrouped, bands, runs, metrics, curves, ranks, zoom]);
  const above = useMemo(() => {
    const found = isGrouped ? runs.find((run) => run.id === lit) : undefined;
    return found === undefined ? [] : seriesOfRuns([found], metrics, curves);
  }, [isGrouped, runs, metrics, curves, lit]);
  return { series, above, ...read };
}

const bucketsIn = (width: number | null): number | null =>
  width === null ? null : width <= NARROW_PIXELS ? NARROW_BUCKETS : WIDE_BUCKETS;
