import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";

import { failureOf } from "~/api/errors";
import type { Look } from "~/features/charts/panel";
import { isNarrowed, metricKeysQuery, shownFilter } from "~/features/charts/queries";
import type { PanelChanges } from "~/features/charts/search";
import type { ChartsSearch } from "~/features/charts/search";
import { sectionsOf } from "~/features/charts/board";
import { neededBy } from "~/features/charts/needs";
import { Board } from "~/features/charts/parts/Board";
import { Controls } from "~/features/charts/parts/Controls";
import { Legend } from "~/features/charts/parts/Legend";
import { Pointing, PointingContext } from "~/features/charts/pointing";
import { useShown } from "~/features/charts/useShown";
import { FilterBar } from "~/filter/FilterBar";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { SplitPane } from "~/shared/components/SplitPane";
import { Toolbar } from "~/shared/components/Toolbar";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { useStable } from "~/shared/hooks/useStable";
import { runPath } from "~/shared/links";
import { NO_FILTER } from "~/shared/runs/choice";
import { inTyped } from "~/shared/runs/filters";
import type { Scope } from "~/shared/runs/queries";
import { QuickFilters } from "~/shared/runs/QuickFilters";
import { Title } from "~/shared/runs/Title";
import { ViewSwitch } from "~/shared/runs/ViewSwitch";

const NO_KEYS: readonly string[] = [];
const NO_CHANGES: PanelChanges = {};
const LEGEND_PIXELS = 260;

interface Properties {
  readonly scope: Scope;
  /** The names of the experiments. */
  readonly title: string;
  readonly search: ChartsSearch;
  /** Changes the URL; `isStep` is whether Back undoes that alone. */
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
  /** Shows another page. */
  readonly onOpen: (path: string) => void;
}

/** The runs at the left, their panels beside them, and above what says which and how. */
export function Charts({ scope, title, search, go, onOpen }: Properties) {
  const { workspace } = scope;
  const [pointing] = useState(() => new Pointing());
  const filterBox = useRef<HTMLInputElement>(null);
  const changes = search.panels ?? NO_CHANGES;
  const [ids, setIds] = useState<readonly string[] | null>(null);
  const keys = useQuery(metricKeysQuery(scope, isNarrowed(search) ? ids : null));
  const sections = useMemo(() => sectionsOf(keys.data ?? NO_KEYS, changes), [keys.data, changes]);
  const needs = useStable(neededBy(sections, search.group));
  const { found, total, runs, shown } = useShown(scope, search, needs);
  const names = useStable(runs.map((run) => run.name));
  if (names !== ids && !found.isPlaceholderData && found.data !== undefined) setIds(names);
  const look = useMemo<Look>(
    () => ({ axis: search.x ?? "step", smoothing: search.smooth ?? 0, ignoresOutliers: search.clip === true }),
    [search.x, search.smooth, search.clip],
  );
  useShortcuts([{ key: "/", does: "filter runs", run: () => filterBox.current?.focus() }]);
  const failure = found.error === null ? null : failureOf(found.error);
  const ofFilter = failure?.reason === "FILTER_INVALID" && search.filter !== undefined ? search.filter : null;
  const hasRuns = runs.length > 0;
  return (
    <PointingContext value={pointing}>
      <Toolbar title={<Title workspace={workspace} name={title} />}>
        <ViewSwitch workspace={workspace} experiment={scope.experiments[0] ?? ""} shown="charts" />
        <FilterBar
          text={search.filter ?? ""}
          onText={(filter) => go({ filter: filter === "" ? undefined : filter })}
          failure={failure === null || ofFilter === null ? null : inTyped(failure, ofFilter, shownFilter(search))}
          scope={scope}
          boxRef={filterBox}
        />
        <QuickFilters scope={scope} choice={search} onChange={(each) => go(each)} />
      </Toolbar>
      {failure !== null && ofFilter === null && <Problem failure={failure} onRetry={() => void found.refetch()} />}
      {found.isPending && failure === null && <Skeleton />}
      {found.isSuccess && !hasRuns && (
        <NoRuns search={search} name={title} onClear={() => go({ ...NO_FILTER, selected: undefined })} />
      )}
      {hasRuns && (
        <SplitPane
          name="charts"
          label="Width of the list of runs"
          width={LEGEND_PIXELS}
          first={<Legend workspace={workspace} runs={runs} total={total} search={search} go={go} />}
          second={
            <>
              <Controls search={search} go={go} />
              <Board
                workspace={workspace}
                sections={sections}
                runs={shown}
                look={look}
                search={search}
                go={go}
                onOpen={(id) => onOpen(runPath(workspace, id))}
              />
            </>
          }
        />
      )}
    </PointingContext>
  );
}

interface NoRunsProperties {
  readonly search: ChartsSearch;
  readonly name: string;
  readonly onClear: () => void;
}

function NoRuns({ search, name, onClear }: NoRunsProperties) {
  if (isNarrowed(search)) {
    return (
      <Empty title="No run passes the filter">
        <Button onClick={onClear}>Show all runs</Button>
      </Empty>
    );
  }
  const paste = `import trivet

with trivet.start_run(experiment=${JSON.stringify(name)}):
    for step in range(100):
        trivet.log_metric("train/loss", 1 / (step + 1), step=step)`;
  return <Empty title="No runs yet" paste={paste} />;
}
