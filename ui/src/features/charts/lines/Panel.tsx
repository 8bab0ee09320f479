import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import type { ReadCurve } from "~/api/curves";
import { readCurves } from "~/api/curves";
import { failureOf } from "~/api/errors";
import type { LineSeries } from "~/charts/curve";
import { LineChart } from "~/charts/LineChart";
import type { LineView } from "~/charts/lineLayout";
import type { LinesSettings } from "~/features/charts/lines/kind";
import { lines } from "~/features/charts/lines/kind";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties, ShownRun } from "~/features/charts/panel";
import { Field } from "~/shared/components/Field";
import { Problem } from "~/shared/components/Problem";
import { csvLine } from "~/shared/format/csv";

const BUCKETS = 500;
const MOST_RUNS_A_CALL = 100;

/** Lines of metrics of runs. */
export function Body({
  workspace,
  runs,
  settings,
  look,
  lit,
  onLight,
  zoom,
  onZoom,
}: PanelBodyProperties<LinesSettings>) {
  const { axis, smoothing, ignoresOutliers } = look;
  const read = useQueries({
    queries: batchesOf(runs).map((names) => ({
      queryKey: ["charts-curves", workspace, names, settings.metrics, axis, zoom],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        readCurves({ runs: names, keys: settings.metrics, context: null, axis, range: zoom, buckets: BUCKETS }, signal),
    })),
    combine: (results) => ({
      curves: results.flatMap(({ data }) => data ?? []),
      isPending: results.some((each) => each.isPending),
      failed: results.find((each) => each.isError) ?? null,
    }),
  });
  const { curves } = read;
  const series = useMemo(() => seriesOf(runs, curves, settings.metrics.length > 1), [runs, curves, settings.metrics]);
  const view = useMemo<LineView>(
    () => ({ series, axis, smoothing, ignoresOutliers, isLog: settings.isLog, showsPoints: false, zoom }),
    [series, axis, smoothing, ignoresOutliers, settings.isLog, zoom],
  );
  if (read.failed?.error != null && series.length === 0) {
    return <Problem failure={failureOf(read.failed.error)} onRetry={() => void read.failed?.refetch()} />;
  }
  if (read.isPending) return null;
  return <LineChart label={lines.title(settings)} view={view} onZoom={onZoom} lit={lit} onLight={onLight} />;
}

function batchesOf(runs: readonly ShownRun[]): string[][] {
  const names = runs.map((run) => run.name);
  return Array.from({ length: Math.ceil(names.length / MOST_RUNS_A_CALL) }, (_, place) =>
    names.slice(place * MOST_RUNS_A_CALL, (place + 1) * MOST_RUNS_A_CALL),
  );
}

function seriesOf(runs: readonly ShownRun[], curves: readonly ReadCurve[], isNamed: boolean): LineSeries[] {
  const byName = new Map(runs.map((run) => [run.name, run]));
  return curves.flatMap(({ run: name, key, ...curve }) => {
    const run = byName.get(name);
    if (run === undefined) return [];
    const label = isNamed ? `${run.displayName}, ${key}` : run.displayName;
    return [{ id: run.id, label, color: run.color, dash: run.dash, curve }];
  });
}

export function SettingsForm({ settings, onSettings }: SettingsFormProperties<LinesSettings>) {
  return (
    <>
      <Field label="Metrics" hint="One a line">
        {(control) => (
          <textarea
            {...control}
            rows={3}
            value={settings.metrics.join("\n")}
            onChange={(event) => onSettings({ ...settings, metrics: event.target.value.split("\n") })}
          />
        )}
      </Field>
      <label>
        <input
          type="checkbox"
          checked={settings.isLog}
          onChange={(event) => onSettings({ ...settings, isLog: event.target.checked })}
        />
        Axis of powers
      </label>
    </>
  );
}

/** The buckets that are drawn. */
export async function csv({ runs, settings, look, zoom }: CsvRequest<LinesSettings>): Promise<string> {
  const displayNames = new Map(runs.map((run) => [run.name, run.displayName]));
  const rows = [csvLine(["run", "metric", look.axis, "min", "max", "nan_count"])];
  for (const names of batchesOf(runs)) {
    const curves = await readCurves({
      runs: names,
      keys: settings.metrics,
      context: null,
      axis: look.axis,
      range: zoom,
      buckets: BUCKETS,
    });
    for (const { run, key, xs, mins, maxs, nans } of curves) {
      for (const [place, x] of xs.entries()) {
        rows.push(
          csvLine([displayNames.get(run) ?? run, key, ...[x, mins[place], maxs[place], nans[place]].map(String)]),
        );
      }
    }
  }
  return rows.join("");
}
