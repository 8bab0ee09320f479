import type { ReactNode } from "react";

import type { PanelBodyProperties, SettingsFormProperties, ShownRun } from "~/features/charts/panel";
import type { StepFile } from "~/features/charts/panels/files/series";
import { atStep } from "~/features/charts/panels/files/series";
import type { SeriesSettings } from "~/features/charts/panels/files/settings";
import { StepBar } from "~/features/charts/panels/files/StepBar";
import { Tiles } from "~/features/charts/panels/files/Tiles";
import { useSeries } from "~/features/charts/panels/files/useSeries";
import { useStep } from "~/features/charts/panels/files/useStep";
import { Note, Noted } from "~/features/charts/panels/Note";
import { Field } from "~/shared/components/Field";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { count } from "~/shared/format/numbers";

interface Properties extends Pick<
  PanelBodyProperties<SeriesSettings>,
  "workspace" | "runs" | "settings" | "onSettings" | "lit" | "onLight"
> {
  /** Where runs have the files. */
  readonly folder: string;
  /** What they are: `pictures`. */
  readonly what: string;
  /** How they are logged, as one writes it. */
  readonly call: string;
  readonly contentOf: (run: ShownRun, file: StepFile) => ReactNode;
}

/** Files of a series of runs side by side, of one step. */
export function SeriesPanel({
  workspace,
  runs,
  settings,
  onSettings,
  lit,
  onLight,
  folder,
  what,
  call,
  contentOf,
}: Properties) {
  const { step, onStep } = useStep(settings.step, (next) => onSettings({ ...settings, step: next }));
  const series = useSeries(runs, folder, settings.key);
  if (series.failure !== null && series.keys.length === 0) return <Problem failure={series.failure} />;
  if (series.isPending && series.runs.length === 0) return <Skeleton rows={4} />;
  if (series.key === null) {
    return (
      <Note>
        None of these runs has {what}. Log some: <code>{call}</code>
      </Note>
    );
  }
  const tiles = series.runs.flatMap(({ run, files }) => {
    const file = atStep(files, step);
    return file === undefined ? [] : [{ run, note: `step ${count(file.step)}`, content: contentOf(run, file) }];
  });
  return (
    <Noted note={series.left === 0 ? "" : `Of the first ${runs.length - series.left} of ${runs.length} runs.`}>
      <StepBar
        label="Series"
        choices={series.keys}
        chosen={series.key}
        onChoose={(key) => onSettings({ ...settings, key })}
        steps={series.steps}
        step={step}
        onStep={onStep}
      />
      {tiles.length === 0 ? (
        <Note>None of these runs has {series.key} up to this step.</Note>
      ) : (
        <Tiles workspace={workspace} label={series.key} tiles={tiles} lit={lit} onLight={onLight} />
      )}
    </Noted>
  );
}

export function SeriesForm({ settings, onSettings }: SettingsFormProperties<SeriesSettings>) {
  return (
    <Field label="Key of the series" hint="The first one that the runs have where it is empty">
      {(control) => (
        <input
          {...control}
          value={settings.key ?? ""}
          onChange={(event) =>
            onSettings({ ...settings, key: event.target.value === "" ? undefined : event.target.value })
          }
        />
      )}
    </Field>
  );
}
