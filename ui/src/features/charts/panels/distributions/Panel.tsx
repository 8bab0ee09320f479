import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import { Histogram } from "~/charts/Histogram";
import type { CsvRequest, PanelBodyProperties, ShownRun } from "~/features/charts/panel";
import { binsIn, readDistribution } from "~/features/charts/panels/distributions/distribution";
import styles from "~/features/charts/panels/files/Files.module.css";
import { readSeries } from "~/features/charts/panels/files/reading";
import type { StepFile } from "~/features/charts/panels/files/series";
import { atStep } from "~/features/charts/panels/files/series";
import { SeriesPanel } from "~/features/charts/panels/files/SeriesPanel";
import type { SeriesSettings } from "~/features/charts/panels/files/settings";
import { Problem } from "~/shared/components/Problem";
import { csvLine } from "~/shared/format/csv";

export { SeriesForm as SettingsForm } from "~/features/charts/panels/files/SeriesPanel";

const FOLDER = "histograms";

/** Logged histograms of runs side by side, of one step. */
export function Body(properties: PanelBodyProperties<SeriesSettings>) {
  return (
    <SeriesPanel
      {...properties}
      folder={FOLDER}
      what="logged histograms"
      call="trivet.log_histogram(key, values, step=…)"
      contentOf={(run, file) => <Distribution run={run} file={file} />}
    />
  );
}

function Distribution({ run, file }: { readonly run: ShownRun; readonly file: StepFile }) {
  const read = useQuery({
    queryKey: ["charts-distribution", run.name, file.path],
    queryFn: ({ signal }) => readDistribution({ owner: run.name, path: file.path }, signal),
    // Its name has an id of its own: it stays as it is.
    staleTime: Infinity,
  });
  const { data } = read;
  const bins = useMemo(() => (data === undefined ? [] : binsIn(data)), [data]);
  const parts = useMemo(
    () => (data === undefined ? [] : [{ label: "values", color: run.color, counts: data.counts }]),
    [data, run.color],
  );
  if (read.isError) return <Problem failure={failureOf(read.error)} />;
  return (
    <div className={styles.content}>
      {data !== undefined && <Histogram title={file.key} bins={bins} parts={parts} lit={null} />}
    </div>
  );
}

/** The histograms of the step that is shown. */
export async function csv({ runs, settings }: CsvRequest<SeriesSettings>): Promise<string> {
  const series = await readSeries(runs, FOLDER, settings.key);
  const rows = await Promise.all(
    series.map(async ({ run, files }) => {
      const file = atStep(files, settings.step);
      if (file === undefined) return [];
      const { counts, edges } = await readDistribution({ owner: run.name, path: file.path });
      return counts.map((count, place) =>
        csvLine([
          run.displayName,
          run.id,
          file.key,
          String(file.step),
          String(edges[place]),
          String(edges[place + 1]),
          String(count),
        ]),
      );
    }),
  );
  return [csvLine(["run", "run_id", "key", "step", "from", "to", "count"]), ...rows.flat()].join("");
}
