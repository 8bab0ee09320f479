import { showUrl } from "~/api/files";
import type { CsvRequest, PanelBodyProperties } from "~/features/charts/panel";
import styles from "~/features/charts/panels/files/Files.module.css";
import { readSeries } from "~/features/charts/panels/files/reading";
import { SeriesPanel } from "~/features/charts/panels/files/SeriesPanel";
import type { SeriesSettings } from "~/features/charts/panels/files/settings";
import { csvLine } from "~/shared/format/csv";

export { SeriesForm as SettingsForm } from "~/features/charts/panels/files/SeriesPanel";

const FOLDER = "images";

/** Pictures of runs side by side, of one step. */
export function Body(properties: PanelBodyProperties<SeriesSettings>) {
  return (
    <SeriesPanel
      {...properties}
      folder={FOLDER}
      what="pictures"
      call="trivet.log_image(image, key=…, step=…)"
      contentOf={(run, file) => (
        <img
          className={styles.picture}
          src={showUrl({ owner: run.name, path: file.path })}
          alt={`${file.key} of ${run.displayName} at step ${file.step}`}
          loading="lazy"
        />
      )}
    />
  );
}

/** Which pictures there are, and where. */
export async function csv({ runs, settings }: CsvRequest<SeriesSettings>): Promise<string> {
  const series = await readSeries(runs, FOLDER, settings.key);
  return [
    csvLine(["run", "run_id", "key", "step", "path"]),
    ...series.flatMap(({ run, files }) =>
      files.map(({ key, step, path }) => csvLine([run.displayName, run.id, key, String(step), path])),
    ),
  ].join("");
}
