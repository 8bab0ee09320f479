import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { lazy, Suspense } from "react";

import { failureOf } from "~/api/errors";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { LifecycleState } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { useLiveRun } from "~/features/run/live";
import { isOfSystem, metricsQuery } from "~/features/run/metrics";
import styles from "~/features/run/Page.module.css";
import { Overview } from "~/features/run/parts/Overview";
import { RunHeader } from "~/features/run/parts/RunHeader";
import { runQuery } from "~/features/run/queries";
import type { RunSearch, RunTab } from "~/features/run/search";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Tabs } from "~/shared/components/Tabs";
import { count } from "~/shared/format/numbers";

const MetricsTab = lazy(() => import("~/features/run/parts/MetricsTab"));
const ArtifactsTab = lazy(() => import("~/features/run/parts/ArtifactsTab"));
const ConsoleTab = lazy(() => import("~/features/run/parts/ConsoleTab"));

/** What each tab is given. */
export interface TabProperties {
  readonly workspace: string;
  readonly run: Run;
  readonly search: RunSearch;
  /** Changes the URL; a step back undoes it, but for what is typed or dragged. */
  readonly go: (change: RunSearch, isTyped?: boolean) => void;
}

/** The parts of the page, in their order. */
const TABS: readonly { readonly id: RunTab; readonly label: string; readonly Shown: ComponentType<TabProperties> }[] = [
  { id: "overview", label: "Overview", Shown: Overview },
  { id: "metrics", label: "Metrics", Shown: MetricsTab },
  { id: "system", label: "System metrics", Shown: MetricsTab },
  { id: "console", label: "Console", Shown: ConsoleTab },
  { id: "artifacts", label: "Artifacts", Shown: ArtifactsTab },
];

const route = getRouteApi("/w/$workspace/runs/$run");

export function RunPage() {
  const { workspace, run: id } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const watch = useLiveRun(workspace, id);
  const { data: run, isError, error, refetch } = useQuery(runQuery(workspace, id));
  const { data: metrics = [] } = useQuery({ ...metricsQuery(workspace, id), enabled: run !== undefined });
  const go: TabProperties["go"] = (change, isTyped = false) =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: isTyped });
  if (run === undefined) {
    return isError ? <Problem failure={failureOf(error)} onRetry={() => void refetch()} /> : <Skeleton />;
  }
  const ofSystem = metrics.filter(({ key }) => isOfSystem(key)).length;
  const counts: Partial<Record<RunTab, number>> = { metrics: metrics.length - ofSystem, system: ofSystem };
  const tab = TABS.find((each) => each.id === (search.tab ?? "overview"))?.id ?? "overview";
  const Shown = TABS.find((each) => each.id === tab)?.Shown ?? Overview;
  return (
    <>
      <RunHeader key={id} workspace={workspace} run={run} watch={watch} />
      {run.state === LifecycleState.DELETED && (
        <p className={styles.notice}>This run is in the bin. It can be restored until it is removed for good.</p>
      )}
      <Tabs
        label="Parts of the run"
        tabs={TABS.map((each) => ({
          id: each.id,
          label: (
            <>
              {each.label}
              {(counts[each.id] ?? 0) > 0 && <span className={styles.count}>{count(counts[each.id] ?? 0)}</span>}
            </>
          ),
        }))}
        chosen={tab}
        onChoose={(chosen) =>
          void navigate({ search: (now) => ({ ...kept(now), tab: chosen === "overview" ? undefined : chosen }) })
        }
      >
        <Suspense fallback={<Skeleton />}>
          <Shown key={`${id} ${tab}`} workspace={workspace} run={run} search={search} go={go} />
        </Suspense>
      </Tabs>
    </>
  );
}

/** What another tab is also to be looked at by: how charts are drawn. */
const kept = ({ x, smooth, log, clip, points }: RunSearch) => ({ x, smooth, log, clip, points });
