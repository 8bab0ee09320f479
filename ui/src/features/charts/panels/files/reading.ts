import type { ShownRun } from "~/features/charts/panel";
import { seriesQuery } from "~/features/charts/panels/files/queries";
import type { RunSeries } from "~/features/charts/panels/files/useSeries";
import { keysOf, MOST_RUNS } from "~/features/charts/panels/files/useSeries";
import { queryClient } from "~/queryClient";

/** The files of a series of those of the runs that panels look into and that have it, for a file; those of the first key where none is chosen. */
export async function readSeries(
  runs: readonly ShownRun[],
  folder: string,
  chosen: string | undefined,
): Promise<RunSeries[]> {
  const all = await Promise.all(
    runs
      .slice(0, MOST_RUNS)
      .map(async (run) => ({ run, series: await queryClient.fetchQuery(seriesQuery(run, folder)) })),
  );
  const key = chosen ?? keysOf(all.map(({ series }) => series))[0];
  return all.flatMap(({ run, series }) => {
    const files = key === undefined ? undefined : series.get(key);
    return files === undefined ? [] : [{ run, files }];
  });
}
