import { useMemo } from "react";

import { Box } from "~/charts/Box";
import type { CategoryDimension, Dimension } from "~/charts/dimension";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties, ShownRun } from "~/features/charts/panel";
import { ALL_KINDS, dimensionOf, dimensionsOf } from "~/features/charts/panels/axes";
import { AxisField } from "~/features/charts/panels/AxisField";
import type { BoxSettings } from "~/features/charts/panels/box/kind";
import { Check } from "~/features/charts/panels/fields";
import { coloringOf, marksOf } from "~/features/charts/panels/marks";
import { Note } from "~/features/charts/panels/Note";
import { csvOfRuns } from "~/features/charts/panels/rows";

/** What all runs are, where they are not grouped. */
const ALL = "all runs";

/** How a number is spread among the runs of each group. */
export function Body({ runs, settings, lit, onLight, onPicture, onOpen }: PanelBodyProperties<BoxSettings>) {
  const { of, by, isLog } = settings;
  const marks = useMemo(() => marksOf(runs), [runs]);
  const x = useMemo((): Dimension => (by === undefined ? groupsOf(runs) : dimensionOf(runs, by)), [runs, by]);
  const y = useMemo(() => (of === undefined ? null : dimensionOf(runs, of)), [runs, of]);
  const coloring = useMemo(() => coloringOf(runs, undefined, false), [runs]);
  if (y === null) return <Note>Choose in the settings of this panel what its boxes are of.</Note>;
  return (
    <Box
      runs={marks}
      x={x}
      y={y}
      isLogY={isLog}
      coloring={coloring}
      hovered={lit}
      onHover={onLight}
      onOpen={onOpen}
      onPicture={onPicture}
    />
  );
}

/** The groups that the runs of the page are in. */
const groupsOf = (runs: readonly ShownRun[]): CategoryDimension => ({
  kind: "category",
  id: "group",
  label: "group",
  values: runs.map((run) => run.group ?? ALL),
});

export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<BoxSettings>) {
  return (
    <>
      <AxisField
        label="Numbers"
        scope={scope}
        kinds={ALL_KINDS.toReversed()}
        axis={settings.of}
        onAxis={(of) => onSettings({ ...settings, of })}
      />
      <AxisField
        label="Group by; as the page does without one"
        scope={scope}
        kinds={ALL_KINDS}
        axis={settings.by}
        onAxis={(by) => onSettings({ ...settings, by })}
      />
      <Check
        label="Axis of powers"
        isChecked={settings.isLog}
        onCheck={(isLog) => onSettings({ ...settings, isLog })}
      />
    </>
  );
}

/** The runs, each with its group and number. */
export async function csv({ runs, settings: { of, by } }: CsvRequest<BoxSettings>): Promise<string> {
  return csvOfRuns(runs, dimensionsOf(runs, [by, of]));
}
