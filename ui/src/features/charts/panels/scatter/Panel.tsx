import { useMemo } from "react";

import { Scatter } from "~/charts/Scatter";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties } from "~/features/charts/panel";
import { ALL_KINDS, dimensionOf, dimensionsOf } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import { LogChecks } from "~/features/charts/panels/LogChecks";
import { coloringOf, marksOf } from "~/features/charts/panels/marks";
import { Note } from "~/features/charts/panels/Note";
import { csvOfRuns } from "~/features/charts/panels/rows";
import { XyFields } from "~/features/charts/panels/XyFields";
import type { ScatterSettings } from "~/features/charts/panels/scatter/kind";

/** One thing of runs against another, as points. */
export function Body({ runs, settings, lit, onLight, onPicture, onOpen }: PanelBodyProperties<ScatterSettings>) {
  const { x, y, size, color, logs } = settings;
  const marks = useMemo(() => marksOf(runs), [runs]);
  const [ofX, ofY, ofSize] = useMemo(
    () => [x, y, size].map((id) => (id === undefined ? null : dimensionOf(runs, id))),
    [runs, x, y, size],
  );
  const coloring = useMemo(
    () => coloringOf(runs, color, color !== undefined && logs.includes(color)),
    [runs, color, logs],
  );
  if (ofX == null || ofY == null) return <Note>Choose x and y in the settings of this panel.</Note>;
  return (
    <Scatter
      runs={marks}
      x={ofX}
      y={ofY}
      size={ofSize ?? null}
      isLogX={logs.includes(ofX.id)}
      isLogY={logs.includes(ofY.id)}
      coloring={coloring}
      hovered={lit}
      onHover={onLight}
      onOpen={onOpen}
      onPicture={onPicture}
    />
  );
}

export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<ScatterSettings>) {
  const { x, y, size, color, logs } = settings;
  return (
    <>
      <XyFields scope={scope} settings={settings} onSettings={onSettings} />
      <AxisField
        label="Colour; runs have their own without one"
        scope={scope}
        kinds={ALL_KINDS}
        axis={color}
        onAxis={(id) => onSettings({ ...settings, color: id })}
      />
      <AxisField
        label="Size of points; all the same without one"
        scope={scope}
        kinds={ALL_KINDS}
        axis={size}
        onAxis={(id) => onSettings({ ...settings, size: id })}
      />
      <LogChecks axes={[x, y, color]} logs={logs} onLogs={(next) => onSettings({ ...settings, logs: next })} />
    </>
  );
}

/** The runs, with what is plotted of each. */
export async function csv({ runs, settings: { x, y, size, color } }: CsvRequest<ScatterSettings>): Promise<string> {
  return csvOfRuns(runs, dimensionsOf(runs, [x, y, size, color]));
}
