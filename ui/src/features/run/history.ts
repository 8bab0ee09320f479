import { tracking } from "~/api/clients";
import { runName } from "~/api/names";
import type { RunMetric } from "~/features/run/metrics";
import { contextLabel, linesOf } from "~/features/run/metrics";
import { csvCell } from "~/shared/format/csv";
import { save } from "~/shared/save";

/** Saves every point of some metrics as CSV, as it was logged. */
export async function saveHistory(
  workspace: string,
  run: string,
  metrics: readonly RunMetric[],
  name: string,
): Promise<void> {
  const parts = ["metric,context,step,time_millis,value\n"];
  for (const metric of metrics) {
    for (const context of linesOf(metric)) {
      const begin = `${csvCell(metric.key)},${context === null ? "" : csvCell(contextLabel(context))}`;
      const request = { run: runName(workspace, run), key: metric.key, ...(context === null ? {} : { context }) };
      // A long history takes longer than calls have.
      for await (const { metrics: columns } of tracking.readMetricHistory(request, { timeoutMs: 0 })) {
        if (columns === undefined) continue;
        const { steps, timesMillis, values } = columns;
        parts.push(
          values
            .map((value, place) => {
              // What is the same for all comes once or not at all.
              const time = timesMillis.length === 1 ? timesMillis[0] : timesMillis[place];
              return `${begin},${steps[place] ?? 0},${time ?? ""},${value}\n`;
            })
            .join(""),
        );
      }
    }
  }
  save(new Blob(parts, { type: "text/csv" }), name);
}
