import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";

import { failureOf } from "~/api/errors";
import { idOf } from "~/api/names";
import { chartingOf } from "~/features/run/charting";
import { isOfSystem, metricsQuery } from "~/features/run/metrics";
import type { TabProperties } from "~/features/run/Page";
import { ChartControls } from "~/features/run/parts/ChartControls";
import { ChartGrid } from "~/features/run/parts/ChartGrid";
import { OneChart } from "~/features/run/parts/OneChart";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

const logLines = (run: string): string => `import trivet

with trivet.start_run("${run}"):
    for step in range(100):
        trivet.log_metric("train/loss", 1 / (step + 1), step=step)`;

/** Charts of the metrics of a run: of those that it logged, or of those of its system. */
export default function MetricsTab({ workspace, run, search, go }: TabProperties) {
  const id = idOf(run.name);
  const ofSystem = search.tab === "system";
  const box = useRef<HTMLInputElement>(null);
  const { data, isError, error, refetch } = useQuery(metricsQuery(workspace, id));
  useShortcuts([{ key: "/", does: "search metrics", run: () => box.current?.focus() }]);
  if (data === undefined) {
    return isError ? <Problem failure={failureOf(error)} onRetry={() => void refetch()} /> : <Skeleton />;
  }
  const metrics = data.filter(({ key }) => isOfSystem(key) === ofSystem);
  if (metrics.length === 0) {
    return ofSystem ? (
      <Empty title="No metrics of the system">
        <p>They are sampled every ten seconds while a run goes on, unless TRIVET_CAPTURE leaves them out.</p>
      </Empty>
    ) : (
      <Empty title="No metrics yet" paste={logLines(id)} />
    );
  }
  const chosen = search.metric;
  const common = { workspace, run: id, charting: chartingOf(search), go };
  return (
    <>
      <ChartControls search={search} go={go} isOfSystem={ofSystem} hasSearch={chosen === undefined} boxRef={box} />
      {chosen === undefined ? (
        <ChartGrid {...common} metrics={metrics} query={search.q ?? ""} />
      ) : (
        <OneChart {...common} metrics={metrics} chosen={chosen} />
      )}
    </>
  );
}
