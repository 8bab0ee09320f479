import { useMemo } from "react";

import { Contour } from "~/charts/Contour";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties } from "~/features/charts/panel";
import { dimensionOf, dimensionsOf, METRIC_KINDS } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import type { ContourSettings } from "~/features/charts/panels/contour/kind";
import { LogChecks } from "~/features/charts/panels/LogChecks";
import { marksOf } from "~/features/charts/panels/marks";
import { Note } from "~/features/charts/panels/Note";
import { csvOfRuns } from "~/features/charts/panels/rows";
import { XyFields } from "~/features/charts/panels/XyFields";

/** Heights between runs as lines of one height, with the runs on them. */
export function Body({ runs, settings, lit, onLight, onPicture, onOpen }: PanelBodyProperties<ContourSettings>) {
  const { x, y, z, logs } = settings;
  const marks = useMemo(() => marksOf(runs), [runs]);
  const [ofX, ofY, ofZ] = useMemo(
    () => [x, y, z].map((id) => (id === undefined ? null : dimensionOf(runs, id))),
    [runs, x, y, z],
  );
  if (ofX == null || ofY == null || ofZ == null) {
    return <Note>Choose x, y and z in the settings of this panel.</Note>;
  }
  return (
    <Contour
      runs={marks}
      x={ofX}
      y={ofY}
      z={ofZ}
      isLogX={logs.includes(ofX.id)}
      isLogY={logs.includes(ofY.id)}
      hovered={lit}
      onHover={onLight}
      onOpen={onOpen}
      onPicture={onPicture}
    />
  );
}

export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<ContourSettings>) {
  const { x, y, z, logs } = settings;
  return (
    <>
      <XyFields scope={scope} settings={settings} onSettings={onSettings} />
      <AxisField
        label="z: the height"
        scope={scope}
        kinds={METRIC_KINDS}
        axis={z}
        onAxis={(id) => onSettings({ ...settings, z: id })}
      />
      <LogChecks axes={[x, y]} logs={logs} onLogs={(next) => onSettings({ ...settings, logs: next })} />
    </>
  );
}

/** The runs, with what is plotted of each. */
export async function csv({ runs, settings: { x, y, z } }: CsvRequest<ContourSettings>): Promise<string> {
  return csvOfRuns(runs, dimensionsOf(runs, [x, y, z]));
}
