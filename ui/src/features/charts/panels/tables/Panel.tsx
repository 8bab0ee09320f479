import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import type { CsvRequest, PanelBodyProperties, SettingsFormProperties } from "~/features/charts/panel";
import styles from "~/features/charts/panels/files/Files.module.css";
import { StepBar } from "~/features/charts/panels/files/StepBar";
import type { Tile } from "~/features/charts/panels/files/Tiles";
import { Tiles } from "~/features/charts/panels/files/Tiles";
import { useStep } from "~/features/charts/panels/files/useStep";
import { Note, Noted } from "~/features/charts/panels/Note";
import type { TablesSettings } from "~/features/charts/panels/tables/kind";
import type { RunTable } from "~/features/charts/panels/tables/queries";
import { MOST_TABLE_BYTES, tableQuery } from "~/features/charts/panels/tables/queries";
import { pathsOf, rowsAt, stepsIn } from "~/features/charts/panels/tables/table";
import { queryClient } from "~/queryClient";
import { Field } from "~/shared/components/Field";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { csvLine } from "~/shared/format/csv";
import { bytes, count } from "~/shared/format/numbers";
import { useStable } from "~/shared/hooks/useStable";
import { Grid } from "~/viewers/Grid";
import type { LoggedTable } from "~/viewers/json";
import { valueText } from "~/viewers/values";

/** So many runs are looked into: tables of more have no room beside each other. */
const MOST_RUNS = 12;

const WHY: Readonly<Record<Exclude<RunTable["is"], "table">, string>> = {
  missing: "This run has no such table.",
  large: `Larger than ${bytes(MOST_TABLE_BYTES)}: look at it among the artifacts of the run.`,
  unreadable: "No table as log_table writes it in JSON or CSV: look at it among the artifacts of the run.",
};

/** Tables of runs side by side; where a column says the step of rows, those of one step. */
export function Body({ workspace, runs, settings, onSettings, lit, onLight }: PanelBodyProperties<TablesSettings>) {
  const { step, onStep } = useStep(settings.step, (next) => onSettings({ ...settings, step: next }));
  const paths = useMemo(() => pathsOf(runs), [runs]);
  const path = settings.path ?? paths[0];
  const looked = runs.slice(0, MOST_RUNS);
  const answers = useQueries({ queries: path === undefined ? [] : looked.map((run) => tableQuery(run, path)) });
  if (path === undefined) {
    return (
      <Note>
        None of these runs has a table. Log one: <code>trivet.log_table(data, "predictions.json")</code>
      </Note>
    );
  }
  const found = looked.flatMap((run, place) => {
    const { data } = answers[place] ?? {};
    return data === undefined || data.is === "missing" ? [] : [{ run, data }];
  });
  const failed = answers.find(({ isError }) => isError);
  if (found.length === 0 && failed !== undefined) {
    return <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />;
  }
  if (found.length === 0 && answers.some(({ isPending }) => isPending)) return <Skeleton rows={4} />;
  const steps = [
    ...new Set(found.flatMap(({ data }) => (data.is === "table" ? (stepsIn(data.table) ?? []) : []))),
  ].toSorted((one, other) => one - other);
  const tiles = found.map(({ run, data }): Tile => {
    if (data.is !== "table") return { run, note: "", content: <Note>{WHY[data.is]}</Note> };
    const shown = rowsAt(data.table, step);
    const rows = `${count(shown.table.data.length)} ${shown.table.data.length === 1 ? "row" : "rows"}`;
    return {
      run,
      note: shown.step === null ? rows : `step ${count(shown.step)} · ${rows}`,
      content: <Rows label={`${path} of ${run.displayName}`} table={shown.table} />,
    };
  });
  return (
    <Noted note={looked.length === runs.length ? "" : `Of the first ${looked.length} of ${runs.length} runs.`}>
      <StepBar
        label="Table"
        choices={paths}
        chosen={path}
        onChoose={(next) => onSettings({ ...settings, path: next })}
        steps={steps}
        step={step}
        onStep={onStep}
      />
      {tiles.length === 0 ? (
        <Note>None of these runs has {path}.</Note>
      ) : (
        <Tiles workspace={workspace} label={path} tiles={tiles} lit={lit} onLight={onLight} isWide />
      )}
    </Noted>
  );
}

function Rows({ label, table }: { readonly label: string; readonly table: LoggedTable }) {
  // Widths of columns are settled by what the columns are, not by the rows of each step.
  const columns = useStable(table.columns.map((name) => ({ name })));
  return (
    <div className={styles.content}>
      <Grid
        label={label}
        columns={columns}
        rowCount={table.data.length}
        valueAt={(row, column) => valueText(table.data[row]?.[column])}
      />
    </div>
  );
}

export function SettingsForm({ settings, onSettings }: SettingsFormProperties<TablesSettings>) {
  return (
    <Field label="Path of the table" hint="The first one that the runs logged where it is empty">
      {(control) => (
        <input
          {...control}
          value={settings.path ?? ""}
          placeholder="predictions.json"
          onChange={(event) =>
            onSettings({ ...settings, path: event.target.value === "" ? undefined : event.target.value })
          }
        />
      )}
    </Field>
  );
}

/** The rows that are shown, of all runs. */
export async function csv({ runs, settings }: CsvRequest<TablesSettings>): Promise<string> {
  const path = settings.path ?? pathsOf(runs)[0];
  const read = await Promise.all(
    path === undefined
      ? []
      : runs
          .slice(0, MOST_RUNS)
          .map(async (run) => ({ run, found: await queryClient.fetchQuery(tableQuery(run, path)) })),
  );
  const tables = read.flatMap(({ run, found }) =>
    found.is === "table" ? [{ run, ...rowsAt(found.table, settings.step).table }] : [],
  );
  const columns = [...new Set(tables.flatMap((table) => table.columns))];
  return [
    csvLine(["run", "run_id", ...columns]),
    ...tables.flatMap(({ run, columns: its, data }) =>
      data.map((row) =>
        csvLine([run.displayName, run.id, ...columns.map((name) => valueText(row[its.indexOf(name)]) ?? "")]),
      ),
    ),
  ].join("");
}
