import { useMemo, useState } from "react";

import { AxisDialog } from "~/charts/AxisDialog";
import type { Brush, Brushes } from "~/charts/brush";
import { brushed } from "~/charts/brush";
import { ParallelCoordinates } from "~/charts/ParallelCoordinates";
import type { CsvRequest, PanelBodyProperties } from "~/features/charts/panel";
import { dimensionsOf } from "~/features/charts/panels/axes";
import { coloringOf, marksOf } from "~/features/charts/panels/marks";
import { Note } from "~/features/charts/panels/Note";
import { axesAtFirst } from "~/features/charts/panels/parallel/axesAtFirst";
import type { ParallelSettings } from "~/features/charts/panels/parallel/kind";
import { csvOfRuns } from "~/features/charts/panels/rows";
import { withLog } from "~/features/charts/panels/settings";

export { SettingsForm } from "~/features/charts/panels/parallel/SettingsForm";

/** Runs as lines over several axes; those within all brushes are seen before the others. */
export function Body(properties: PanelBodyProperties<ParallelSettings>) {
  const { runs, settings, onSettings, lit, onLight, onPicture, onOpen } = properties;
  const { color } = settings;
  const [axis, setAxis] = useState<string | null>(null);
  // While somebody brushes, the settings stay: they are in the URL, which browsers refuse to change many times a second.
  const [live, setLive] = useState<Brushes | null>(null);
  const [known, setKnown] = useState(settings.brushes);
  if (known !== settings.brushes) {
    setKnown(settings.brushes);
    setLive(null);
  }
  const brushes = live ?? settings.brushes;
  const ids = useMemo(() => settings.axes ?? axesAtFirst(runs), [settings.axes, runs]);
  const marks = useMemo(() => marksOf(runs), [runs]);
  const dimensions = useMemo(() => dimensionsOf(runs, ids), [runs, ids]);
  const logs = useMemo(() => new Set(settings.logs), [settings.logs]);
  const coloring = useMemo(() => coloringOf(runs, color, color !== undefined && logs.has(color)), [runs, color, logs]);
  const shown = useMemo(() => brushed(dimensions, brushes, runs.length), [dimensions, brushes, runs.length]);
  if (dimensions.length === 0) return <Note>These runs have no params and metrics to make axes of.</Note>;
  const set = dimensions.find((dimension) => dimension.id === axis) ?? null;
  return (
    <>
      <ParallelCoordinates
        runs={marks}
        dimensions={dimensions}
        logs={logs}
        coloring={coloring}
        brushes={brushes}
        shown={shown}
        onBrushes={(next, isDone) => {
          setLive(next);
          if (isDone) onSettings({ ...settings, brushes: next });
        }}
        onOrder={(axes) => onSettings({ ...settings, axes })}
        onAxis={setAxis}
        hovered={lit}
        onHover={onLight}
        onOpen={onOpen}
        onPicture={onPicture}
      />
      <AxisDialog
        dimension={set}
        isLog={set !== null && logs.has(set.id)}
        brush={set === null ? undefined : brushes[set.id]}
        onClose={() => setAxis(null)}
        onSave={(isLog, brush) => {
          if (set === null) return;
          onSettings({
            ...settings,
            logs: withLog(settings.logs, set.id, isLog),
            brushes: withBrush(settings.brushes, set.id, brush),
          });
        }}
        onColor={() => onSettings({ ...settings, color: set?.id })}
        onRemove={() => {
          if (set === null) return;
          const axes = ids.filter((id) => id !== set.id);
          onSettings({ ...settings, axes, brushes: withBrush(settings.brushes, set.id, undefined) });
        }}
      />
    </>
  );
}

function withBrush(brushes: Brushes, id: string, brush: Brush | undefined): Brushes {
  const { [id]: _, ...others } = brushes;
  return brush === undefined ? others : { ...others, [id]: brush };
}

/** The runs that are within all brushes, with what they have on the axes. */
export async function csv({ runs, settings }: CsvRequest<ParallelSettings>): Promise<string> {
  const ids = settings.axes ?? axesAtFirst(runs);
  const within = new Set(brushed(dimensionsOf(runs, ids), settings.brushes, runs.length));
  const shown = runs.filter((_, place) => within.has(place));
  return csvOfRuns(shown, dimensionsOf(shown, ids));
}
