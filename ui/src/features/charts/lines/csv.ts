import { readTogether } from "~/api/curvesTogether";
import type { LinesSettings } from "~/features/charts/lines/kind";
import type { CsvRequest } from "~/features/charts/panel";
import { csvLine } from "~/shared/format/csv";

const RUNS_A_CALL = 100;
/** As many as the server gives: histories up to this length come point by point. */
const BUCKETS = 10_000;

/** The points of the lines that are looked at; of long histories, buckets with their smallest and largest values. */
export async function csv({ runs, settings, look, zoom }: CsvRequest<LinesSettings>): Promise<string> {
  const rows = [csvLine(["run_id", "run", "metric", look.axis, "min", "max", "nan_count"])];
  for (let begin = 0; begin < runs.length; begin += RUNS_A_CALL) {
    const some = runs.slice(begin, begin + RUNS_A_CALL);
    const names = some.map((run) => run.name);
    // oxlint-disable-next-line no-await-in-loop -- all at once would be too much for the server and the browser
    const found = await Promise.all(
      settings.metrics.map((key) =>
        readTogether({ runs: names, key, context: null, axis: look.axis, range: zoom, buckets: BUCKETS }),
      ),
    );
    const byRun = Map.groupBy(found.flat(), (curve) => curve.run);
    for (const run of some) {
      for (const { key, xs, mins, maxs, nans } of byRun.get(run.name) ?? []) {
        for (const [place, x] of xs.entries()) {
          rows.push(csvLine([run.id, run.displayName, key, ...[x, mins[place], maxs[place], nans[place]].map(String)]));
        }
      }
    }
  }
  return rows.join("");
}
