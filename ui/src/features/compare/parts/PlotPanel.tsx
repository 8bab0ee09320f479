import { lazy, Suspense, useMemo, useState } from "react";

import { Box } from "~/charts/Box";
import type { Brushes } from "~/charts/brush";
import type { Coloring } from "~/charts/coloring";
import { coloringBy, coloringOfRuns } from "~/charts/coloring";
import { Contour } from "~/charts/Contour";
import type { Dimension } from "~/charts/dimension";
import { pick } from "~/charts/dimension";
import { ParallelCoordinates } from "~/charts/ParallelCoordinates";
import type { RunEvents } from "~/charts/run";
import { Scatter } from "~/charts/Scatter";
import { chosenOf } from "~/features/compare/choice";
import type { Comparison, ComparedRun } from "~/features/compare/comparison";
import { curveKeys } from "~/features/compare/curves";
import type { DimensionGroup } from "~/features/compare/dimensions";
import { AxesDialog } from "~/features/compare/parts/AxesDialog";
import { AxisDialog } from "~/charts/AxisDialog";
import { AxisSelect } from "~/features/compare/parts/AxisSelect";
import { CurveControls } from "~/features/compare/parts/CurveControls";
import styles from "~/features/compare/parts/PlotPanel.module.css";
import type { CompareSearch, Plot } from "~/features/compare/search";
import { PLOTS } from "~/features/compare/search";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Skeleton } from "~/shared/components/Skeleton";
import { Tabs } from "~/shared/components/Tabs";

const Curves = lazy(() => import("~/features/compare/parts/Curves"));

interface Properties extends RunEvents {
  readonly workspace: string;
  readonly comparison: Comparison;
  readonly groups: readonly DimensionGroup[];
  readonly search: CompareSearch;
  readonly atFirst: readonly string[];
  readonly brushes: Brushes;
  /** The runs, by their places, that are within all brushes. */
  readonly shown: readonly number[];
  readonly onBrushes: (brushes: Brushes, isDone: boolean) => void;
  readonly onChange: (change: Partial<CompareSearch>) => void;
}

const TITLES: Readonly<Record<Plot, string>> = {
  parallel: "Parallel coordinates",
  scatter: "Scatter",
  contour: "Contour",
  box: "Box plot",
  curves: "Curves",
};
const OF_RUN = "run";
const NOTHING = "-";

/** The plots of a comparison, one at a time, with what they show. */
export function PlotPanel(properties: Properties) {
  const { workspace, comparison, groups, search, atFirst, brushes, shown, onBrushes, onChange, ...events } = properties;
  const { runs } = comparison;
  const [isChoosing, setChoosing] = useState(false);
  const [axis, setAxis] = useState<string | null>(null);
  const plot = search.plot ?? "parallel";
  const hasAxes = plot !== "parallel" && plot !== "curves";
  const byId = useMemo(
    () => new Map(groups.flatMap((group) => group.dimensions.map((each) => [each.id, each] as const))),
    [groups],
  );
  const ids = search.axes ?? atFirst;
  const dimensions = useMemo(() => ids.flatMap((id) => byId.get(id) ?? []), [ids, byId]);
  const logs = useMemo(() => new Set(search.log), [search.log]);
  const chosen = useMemo(() => chosenOf(groups, dimensions, search), [groups, dimensions, search]);
  const coloring = useMemo(
    (): Coloring =>
      search.color === OF_RUN || chosen.color === null
        ? coloringOfRuns(runs.map((run) => run.id))
        : coloringBy(chosen.color, logs.has(chosen.color.id)),
    [search.color, chosen.color, runs, logs],
  );
  const setLog = (id: string | undefined, isLog: boolean): void => {
    if (id === undefined) return;
    const others = [...logs].filter((each) => each !== id);
    const log = isLog ? [...others, id] : others;
    onChange({ log: log.length === 0 ? undefined : log });
  };
  const logOf = (dimension: Dimension | null) => ({
    isLog: dimension !== null && logs.has(dimension.id),
    onLog: (isLog: boolean) => setLog(dimension?.id, isLog),
  });
  const colorSelect = (
    <AxisSelect
      label="Colour"
      groups={groups}
      chosen={search.color === OF_RUN ? null : chosen.color}
      others={{ [OF_RUN]: "each run its own" }}
      other={OF_RUN}
      onChoose={(color) => onChange({ color })}
    />
  );
  const curves = useMemo(() => curveKeys(comparison, search.metric), [comparison, search.metric]);
  const curveAxis = `metrics.${curves.chosen}`;
  const { x, y, z, size } = chosen;
  const some = useMemo(() => someOf(shown, runs, coloring, { x, y, z, size }), [shown, runs, coloring, x, y, z, size]);
  const set = byId.get(axis ?? "") ?? null;
  return (
    <section className={styles.panel} aria-label="Plots">
      <div className={styles.controls}>
        {plot === "parallel" && (
          <Button className={styles.small ?? ""} onClick={() => setChoosing(true)}>
            Axes ({dimensions.length})
          </Button>
        )}
        {hasAxes && (
          <AxisSelect
            label={plot === "box" ? "Group by" : "x"}
            groups={groups}
            chosen={x}
            onChoose={(id) => onChange({ x: id })}
            {...(plot === "box" ? {} : logOf(x))}
          />
        )}
        {hasAxes && (
          <AxisSelect label="y" groups={groups} chosen={y} onChoose={(id) => onChange({ y: id })} {...logOf(y)} />
        )}
        {plot === "contour" && (
          <AxisSelect label="z" groups={groups} chosen={z} onChoose={(id) => onChange({ z: id })} />
        )}
        {plot === "scatter" && (
          <AxisSelect
            label="Size"
            groups={groups}
            chosen={size}
            others={{ [NOTHING]: "all the same" }}
            other={NOTHING}
            onChoose={(id) => onChange({ size: id === NOTHING ? undefined : id })}
          />
        )}
        {plot !== "contour" && plot !== "curves" && colorSelect}
        {plot === "curves" && curves.chosen !== null && (
          <CurveControls
            search={search}
            keys={curves.keys}
            chosen={curves.chosen}
            isLog={logs.has(curveAxis)}
            onLog={(isLog) => setLog(curveAxis, isLog)}
            onChange={onChange}
          />
        )}
      </div>
      <Tabs
        label="Plots"
        tabs={PLOTS.map((id) => ({ id, label: TITLES[id] }))}
        chosen={plot}
        onChoose={(id) => onChange({ plot: id === "parallel" ? undefined : id })}
      >
        {plot === "parallel" && dimensions.length > 0 && (
          <ParallelCoordinates
            {...events}
            runs={runs}
            dimensions={dimensions}
            logs={logs}
            coloring={coloring}
            brushes={brushes}
            shown={shown}
            onBrushes={onBrushes}
            onOrder={(axes) => onChange({ axes })}
            onAxis={setAxis}
          />
        )}
        {plot === "parallel" && dimensions.length === 0 && (
          <Empty title={byId.size <= 1 ? "These runs have no params and metrics to plot" : "No axes are chosen"}>
            <Button onClick={() => setChoosing(true)}>Choose axes</Button>
          </Empty>
        )}
        {hasAxes && (some.x === null || some.y === null) && (
          <Empty title="These runs have no params and metrics to plot" />
        )}
        {plot === "curves" && curves.chosen === null && <Empty title="These runs have no metrics to plot" />}
        {plot === "curves" && curves.chosen !== null && (
          <Suspense fallback={<Skeleton />}>
            <Curves
              workspace={workspace}
              runs={some.runs}
              metric={curves.chosen}
              axis={search.over ?? "step"}
              smoothing={search.smooth ?? 0}
              isLog={logs.has(curveAxis)}
              zoom={search.zoom ?? null}
              onZoom={(zoom) => onChange({ zoom })}
              hovered={events.hovered}
              onHover={events.onHover}
            />
          </Suspense>
        )}
        {plot === "scatter" && some.x !== null && some.y !== null && (
          <Scatter
            {...events}
            runs={some.runs}
            x={some.x}
            y={some.y}
            size={some.size}
            isLogX={logs.has(some.x.id)}
            isLogY={logs.has(some.y.id)}
            coloring={some.coloring}
          />
        )}
        {plot === "contour" && some.x !== null && some.y !== null && some.z !== null && (
          <Contour
            {...events}
            runs={some.runs}
            x={some.x}
            y={some.y}
            z={some.z}
            isLogX={logs.has(some.x.id)}
            isLogY={logs.has(some.y.id)}
          />
        )}
        {plot === "box" && some.x !== null && some.y !== null && (
          <Box
            {...events}
            runs={some.runs}
            x={some.x}
            y={some.y}
            isLogY={logs.has(some.y.id)}
            coloring={some.coloring}
          />
        )}
      </Tabs>
      <AxesDialog
        isOpen={isChoosing}
        onClose={() => setChoosing(false)}
        groups={groups}
        chosen={dimensions.map((each) => each.id)}
        atFirst={atFirst}
        onChoose={(axes) => onChange({ axes })}
      />
      <AxisDialog
        dimension={set}
        isLog={set !== null && logs.has(set.id)}
        brush={set === null ? undefined : brushes[set.id]}
        onClose={() => setAxis(null)}
        onSave={(isLog, brush) => {
          if (set === null) return;
          const { [set.id]: _, ...others } = brushes;
          const log = [...[...logs].filter((id) => id !== set.id), ...(isLog ? [set.id] : [])];
          onChange({ log, brushes: brush === undefined ? others : { ...others, [set.id]: brush } });
        }}
        onColor={() => onChange({ color: set?.id })}
        onRemove={() => {
          if (set === null) return;
          const { [set.id]: _, ...others } = brushes;
          onChange({ axes: dimensions.flatMap((each) => (each.id === set.id ? [] : [each.id])), brushes: others });
        }}
      />
    </section>
  );
}

/** What is plotted of the runs that are brushed. */
function someOf(
  shown: readonly number[],
  runs: readonly ComparedRun[],
  coloring: Coloring,
  axes: Readonly<Record<"x" | "y" | "z" | "size", Dimension | null>>,
) {
  const picked = (dimension: Dimension | null): Dimension | null => dimension && pick(dimension, shown);
  return {
    runs: shown.flatMap((place) => runs[place] ?? []),
    coloring: { ...coloring, colors: shown.map((place) => coloring.colors[place] ?? null) },
    x: picked(axes.x),
    y: picked(axes.y),
    z: picked(axes.z),
    size: picked(axes.size),
  };
}
