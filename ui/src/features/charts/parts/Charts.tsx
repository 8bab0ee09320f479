import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useMemo, useRef, useState } from "react";

import { failureOf } from "~/api/errors";
import { wholeRange } from "~/charts/curve";
import { useLiveCharts } from "~/features/charts/live";
import { neededBy } from "~/features/charts/needs";
import type { Look } from "~/features/charts/panel";
import { Board } from "~/features/charts/parts/Board";
import { Controls } from "~/features/charts/parts/Controls";
import { Legend } from "~/features/charts/parts/Legend";
import { PanelAlone } from "~/features/charts/parts/PanelAlone";
import type { Shared } from "~/features/charts/parts/PanelContent";
import { PanelDialog } from "~/features/charts/parts/PanelDialog";
import { ViewsButton } from "~/features/charts/parts/ViewsButton";
import { newPointing, PointingContext } from "~/features/charts/pointing";
import { isNarrowed, metricKeysQuery, shownFilter } from "~/features/charts/queries";
import type { FoundRun } from "~/features/charts/runs";
import type { ChartsSearch } from "~/features/charts/search";
import { usePanels } from "~/features/charts/usePanels";
import type { View } from "~/features/charts/useView";
import { useShown } from "~/features/charts/useShown";
import { FilterBar } from "~/filter/FilterBar";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { SplitPane } from "~/shared/components/SplitPane";
import { Toolbar } from "~/shared/components/Toolbar";
import { count } from "~/shared/format/numbers";
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
const NO_RUNS: readonly FoundRun[] = [];
const LEGEND_PIXELS = 260;

interface Properties {
  readonly scope: Scope;
  /** The names of the experiments. */
  readonly title: string;
  readonly search: ChartsSearch;
  /** Changes the URL; `isStep` is whether Back undoes that alone. */
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
  readonly view: View;
  /** Shows another page. */
  readonly onOpen: (path: string) => void;
}

/** The runs at the left, their panels beside them, and above what says which and how. */
export function Charts({ scope, title, search, go, view, onOpen }: Properties) {
  const { workspace } = scope;
  const [pointing] = useState(newPointing);
  const filterBox = useRef<HTMLInputElement>(null);
  // Metrics of the runs that are shown, where those are not all: panels without a line would only be in the way.
  const [names, setNames] = useState<readonly string[] | null>(null);
  const { data: keys = NO_KEYS, isSuccess: hasKeys } = useQuery(
    metricKeysQuery(scope, isNarrowed(search) ? names : null),
  );
  const panels = usePanels(keys, search, go);
  const { sections, alone } = panels;
  const needs = useStable(neededBy(sections, search.group));
  const { found, total, runs, shown } = useShown(scope, search, needs);
  const namesNow = useStable(runs.map((run) => run.name));
  if (namesNow !== names && found.isSuccess && !found.isPlaceholderData) setNames(namesNow);
  const { state, changes } = useLiveCharts({
    scope,
    choice: search,
    needs,
    runs: found.data ?? NO_RUNS,
    keys,
    isReady: found.data !== undefined,
  });
  const { x = "step", smooth = 0, clip = false, zoom = null } = search;
  const look = useMemo<Look>(() => ({ axis: x, smoothing: smooth, ignoresOutliers: clip }), [x, smooth, clip]);
  useShortcuts([
    { key: "/", does: "filter runs", run: () => filterBox.current?.focus() },
    { key: "a", does: "add a panel", run: panels.add },
  ]);
  const failure = found.error === null ? null : failureOf(found.error);
  const ofFilter = failure?.reason === "FILTER_INVALID" && search.filter !== undefined ? search.filter : null;
  const shared = useMemo<Shared>(
    () => ({
      scope,
      runs: shown,
      look,
      changes,
      zoom,
      onZoom: (next) => go({ zoom: next === null ? undefined : wholeRange(next) }),
      onRun: (id) => onOpen(runPath(workspace, id)),
    }),
    [scope, shown, look, changes, zoom, go, onOpen, workspace],
  );
  const selected = search.selected?.length ?? 0;
  return (
    <PointingContext value={pointing}>
      <Toolbar title={<Title workspace={workspace} name={title} />}>
        <ViewSwitch
          workspace={workspace}
          experiment={scope.experiments[0] ?? ""}
          shown="charts"
          {...(search.saved === undefined ? {} : { search: { ...search, edited: true } })}
        />
        <FilterBar
          text={search.filter ?? ""}
          onText={(filter) => go({ filter: filter === "" ? undefined : filter })}
          failure={failure === null || ofFilter === null ? null : inTyped(failure, ofFilter, shownFilter(search))}
          scope={scope}
          boxRef={filterBox}
        />
        {selected > 0 && (
          <Button icon={<X />} onClick={() => go({ selected: undefined })} title="Show all runs that pass">
            {count(selected)} selected
          </Button>
        )}
        <QuickFilters scope={scope} choice={search} onChange={(each) => go(each)} />
      </Toolbar>
      {failure !== null && ofFilter === null && <Problem failure={failure} onRetry={() => void found.refetch()} />}
      {found.isPending && failure === null && <Skeleton />}
      {found.isSuccess && runs.length === 0 && (
        <NoRuns search={search} name={title} onClear={() => go({ ...NO_FILTER, selected: undefined })} />
      )}
      {runs.length > 0 && (
        <SplitPane
          name="charts"
          label="Width of the list of runs"
          width={LEGEND_PIXELS}
          first={<Legend scope={scope} runs={runs} total={total} search={search} go={go} state={state} />}
          second={
            <>
              <Controls search={search} go={go} removed={panels.removed} onRestore={panels.restore} onAdd={panels.add}>
                <ViewsButton workspace={workspace} experiment={scope.experiments[0] ?? ""} view={view} />
              </Controls>
              {alone !== null && (
                <PanelAlone
                  key={alone.id}
                  panel={alone}
                  shared={shared}
                  actions={panels.actions}
                  onClose={() => go({ panel: undefined })}
                />
              )}
              {alone === null && hasKeys && sections.length === 0 && <NoPanels />}
              {alone === null && sections.length > 0 && (
                <Board
                  sections={sections}
                  shared={shared}
                  actions={panels.actions}
                  onMove={panels.move}
                  search={search}
                  go={go}
                />
              )}
            </>
          }
        />
      )}
      <PanelDialog
        scope={scope}
        title={panels.edited?.id === null ? "Add a panel" : "Edit the panel"}
        draft={panels.edited?.draft ?? null}
        isNew={panels.edited?.id === null}
        sections={sections.map(({ name }) => name)}
        onClose={panels.stopEditing}
        onSave={panels.keep}
      />
    </PointingContext>
  );
}

const PASTE_POINTS = `import trivet

with trivet.start_run():
    for step in range(100):
        trivet.log_metric("train/loss", 1 / (step + 1), step=step)`;

function NoPanels() {
  return (
    <Empty title="These runs have no metrics" paste={PASTE_POINTS}>
      <p>Each metric gets a panel by itself. Others, such as of params, can be added.</p>
    </Empty>
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
