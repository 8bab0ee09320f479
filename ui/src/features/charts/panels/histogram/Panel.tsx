import { useMemo } from "react";

import type { Bin } from "~/charts/bins";
import { binsOf } from "~/charts/bins";
import type { HistogramPart } from "~/charts/Histogram";
import { Histogram } from "~/charts/Histogram";
import { useInks } from "~/charts/inks";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties, ShownRun } from "~/features/charts/panel";
import { AxisField } from "~/features/charts/panels/AxisField";
import { ALL_KINDS, dimensionOf, labelOf } from "~/features/charts/panels/axes";
import { Check } from "~/features/charts/panels/fields";
import type { HistogramSettings } from "~/features/charts/panels/histogram/kind";
import { FEWEST_BINS, MOST_BINS } from "~/features/charts/panels/histogram/kind";
import { Note } from "~/features/charts/panels/Note";
import { namesOfGroups } from "~/features/charts/runs";
import { Field } from "~/shared/components/Field";
import { csvLine } from "~/shared/format/csv";

/** How many runs have about the same of one thing. */
export function Body({ runs, settings, lit, onPicture }: PanelBodyProperties<HistogramSettings>) {
  const { of, isLog, bins: about } = settings;
  const inks = useInks();
  const bins = useMemo(
    () => (of === undefined ? [] : binsOf(dimensionOf(runs, of), { isLog, about })),
    [runs, of, isLog, about],
  );
  const parts = useMemo(() => partsOf(runs, bins, inks.accent), [runs, bins, inks.accent]);
  if (of === undefined) return <Note>Choose in the settings of this panel what it counts.</Note>;
  if (runs.length === 0) return <Note>No run is shown.</Note>;
  const litPlace = runs.findIndex((run) => run.id === lit);
  const litBin = bins.findIndex((bin) => bin.runs.includes(litPlace));
  return (
    <Histogram
      title={labelOf(of)}
      bins={bins}
      parts={parts}
      lit={litBin === -1 ? null : litBin}
      onPicture={onPicture}
    />
  );
}

/** The counts of each group, or of all runs where they are not grouped. */
function partsOf(runs: readonly ShownRun[], bins: readonly Bin[], color: string): HistogramPart[] {
  const groups = namesOfGroups(runs.flatMap((run) => run.group ?? []));
  if (groups.length === 0) return [{ label: "runs", color, counts: bins.map((bin) => bin.runs.length) }];
  return groups.map((group) => ({
    label: group,
    color: runs.find((run) => run.group === group)?.color ?? color,
    counts: bins.map((bin) => bin.runs.filter((run) => runs[run]?.group === group).length),
  }));
}

export function SettingsForm({ scope, settings, onSettings }: SettingsFormProperties<HistogramSettings>) {
  return (
    <>
      <AxisField
        label="What is counted"
        scope={scope}
        kinds={ALL_KINDS.toReversed()}
        axis={settings.of}
        onAxis={(of) => onSettings({ ...settings, of })}
      />
      <Field label="About how many intervals" hint="Chosen by the number of runs where it is empty">
        {(control) => (
          <input
            {...control}
            type="number"
            min={FEWEST_BINS}
            max={MOST_BINS}
            value={settings.bins ?? ""}
            onChange={(event) =>
              onSettings({ ...settings, bins: event.target.value === "" ? null : event.target.valueAsNumber })
            }
          />
        )}
      </Field>
      <Check
        label="Intervals of one factor (powers)"
        isChecked={settings.isLog}
        onCheck={(isLog) => onSettings({ ...settings, isLog })}
      />
    </>
  );
}

/** The bins with their counts. */
export async function csv({
  runs,
  settings: { of, isLog, bins: about },
}: CsvRequest<HistogramSettings>): Promise<string> {
  const bins = of === undefined ? [] : binsOf(dimensionOf(runs, of), { isLog, about });
  const parts = partsOf(runs, bins, "");
  return [
    csvLine(["bin", "from", "to", ...parts.map(({ label }) => label)]),
    ...bins.map(({ label, range }, place) =>
      csvLine([
        label,
        String(range?.[0] ?? ""),
        String(range?.[1] ?? ""),
        ...parts.map(({ counts }) => String(counts[place] ?? 0)),
      ]),
    ),
  ].join("");
}
