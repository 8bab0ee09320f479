import { useMemo, useState } from "react";

import { BarChart } from "~/charts/BarChart";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties } from "~/features/charts/panel";
import { AxisField } from "~/features/charts/panels/AxisField";
import { dimensionOf, dimensionsOf } from "~/features/charts/panels/axes";
import { barsOf } from "~/features/charts/panels/bars/barsOf";
import type { BarsSettings } from "~/features/charts/panels/bars/kind";
import { Check, Choice } from "~/features/charts/panels/fields";
import { Note, Noted } from "~/features/charts/panels/Note";
import { csvOfRuns } from "~/features/charts/panels/rows";

const KINDS = ["metrics", "min", "max", "params"] as const;
const ORDER_NAMES = { falling: "longest first", rising: "shortest first", runs: "as the runs are listed" } as const;

/** A number of each run or group as bars. */
export function Body({ runs, settings, lit, onLight, onPicture, onOpen }: PanelBodyProperties<BarsSettings>) {
  const { of, order, isLog } = settings;
  const dimension = useMemo(() => (of === undefined ? null : dimensionOf(runs, of)), [runs, of]);
  const bars = useMemo(() => (dimension === null ? [] : barsOf(runs, dimension, order)), [runs, dimension, order]);
  const [pointed, setPointed] = useState<string | null>(null);
  if (dimension === null) return <Note>Choose in the settings of this panel what its bars are of.</Note>;
  const { label } = dimension;
  if (bars.length === 0) return <Note>None of these runs has {label} as a number.</Note>;
  const isGrouped = runs.some((run) => run.group !== null);
  const missing = dimension.values.filter((value) => typeof value !== "number").length;
  return (
    <Noted note={missing === 0 ? "" : `${missing} of ${runs.length} runs have no ${label} as a number.`}>
      <BarChart
        title={label}
        bars={bars}
        isLog={isLog}
        hovered={isGrouped ? (pointed ?? runs.find((run) => run.id === lit)?.group ?? null) : lit}
        onHover={isGrouped ? setPointed : onLight}
        onOpen={isGrouped ? undefined : onOpen}
        onPicture={onPicture}
      />
    </Noted>
  );
}

export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<BarsSettings>) {
  return (
    <>
      <AxisField
        label="Length"
        scope={scope}
        kinds={KINDS}
        axis={settings.of}
        onAxis={(of) => onSettings({ ...settings, of })}
      />
      <Choice
        label="Order"
        choices={ORDER_NAMES}
        chosen={settings.order}
        onChoose={(order) => onSettings({ ...settings, order })}
      />
      <Check
        label="Axis of powers"
        isChecked={settings.isLog}
        onCheck={(isLog) => onSettings({ ...settings, isLog })}
      />
    </>
  );
}

/** The runs, each with its number. */
export async function csv({ runs, settings: { of } }: CsvRequest<BarsSettings>): Promise<string> {
  return csvOfRuns(runs, dimensionsOf(runs, [of]));
}
