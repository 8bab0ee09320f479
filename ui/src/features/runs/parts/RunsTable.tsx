import { Columns3, Info } from "lucide-react";
import { useMemo, useRef, useState } from "react";

import { failureOf } from "~/api/errors";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import { FilterBar } from "~/filter/FilterBar";
import type { Changed } from "~/features/runs/changes";
import { deleteRuns, renameRun, restoreRuns } from "~/features/runs/changes";
import { columnsOf, movedColumn } from "~/features/runs/columns";
import { layoutOf } from "~/features/runs/layout";
import { useLiveRuns } from "~/features/runs/live";
import { isNested } from "~/features/runs/nesting";
import { About } from "~/features/runs/parts/About";
import { BulkBar } from "~/features/runs/parts/BulkBar";
import { ColumnsDialog } from "~/features/runs/parts/ColumnsDialog";
import { CsvButton } from "~/features/runs/parts/CsvButton";
import type { ColumnChanges } from "~/features/runs/parts/HeaderCell";
import { LookupContext } from "~/features/runs/parts/lookup";
import type { GridHandle } from "~/features/runs/parts/RunsGrid";
import { RunsGrid } from "~/features/runs/parts/RunsGrid";
import { StatusLine } from "~/features/runs/parts/StatusLine";
import { askedBy, rowsFilter } from "~/features/runs/queries";
import type { RunRow } from "~/features/runs/rows";
import type { RunsSearch } from "~/features/runs/search";
import { useColumns, useRows } from "~/features/runs/useRows";
import { useSelection } from "~/features/runs/useSelection";
import { Button, IconButton } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { NameDialog } from "~/shared/components/NameDialog";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { notify, notifyFailure } from "~/shared/components/toasts";
import { Toolbar } from "~/shared/components/Toolbar";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { comparePath, runPath } from "~/shared/links";
import { NO_FILTER } from "~/shared/runs/choice";
import { inTyped, isFiltered } from "~/shared/runs/filters";
import type { Scope } from "~/shared/runs/queries";
import { QuickFilters } from "~/shared/runs/QuickFilters";
import { Title } from "~/shared/runs/Title";
import { ViewSwitch } from "~/shared/runs/ViewSwitch";

const NO_IDS: readonly string[] = [];
const NO_WIDTHS: Readonly<Record<string, number>> = {};
const SKELETON_ROWS = 20;

interface Properties {
  readonly scope: Scope;
  /** The one of the path; null until it was read. */
  readonly experiment: Experiment | null;
  readonly experimentNames: ReadonlyMap<string, string>;
  readonly search: RunsSearch;
  /** Changes the URL; `isStep` is whether Back undoes that alone. */
  readonly go: (change: Partial<RunsSearch>, isStep?: boolean) => void;
  /** Shows another page. */
  readonly onOpen: (path: string) => void;
}

/** The table of runs with all that stands around it. */
export function RunsTable({ scope, experiment, experimentNames, search, go, onOpen }: Properties) {
  const { workspace } = scope;
  const table = useColumns(scope, search);
  const { columns, read } = table;
  const { found, total, items, count, isTree, isAnyNested, isStale, versions } = useRows(scope, search, table);
  // The first rows come first: a watch reads them again when it begins.
  const live = useLiveRuns(scope, search, read, !found.isPending);
  const selection = useSelection(search, (change) => go(change, false));
  const [isChoosing, setChoosing] = useState(false);
  const [renamed, setRenamed] = useState<RunRow | null>(null);
  const [pulled, setPulled] = useState<Readonly<Record<string, number>>>(NO_WIDTHS);
  const box = useRef<HTMLInputElement>(null);
  const grid = useRef<GridHandle>(null);

  const ids = useMemo(() => columns.map((column) => column.id), [columns]);
  const pinned = search.pinned ?? NO_IDS;
  const widths = search.widths ?? NO_WIDTHS;
  const layout = useMemo(() => layoutOf(columns, pinned, { ...widths, ...pulled }), [columns, pinned, widths, pulled]);
  const shownIds = useMemo(() => items.map((item) => item.row.id), [items]);

  const changes = columnChanges(search, ids, go, () => setPulled(NO_WIDTHS));
  const compare = (): void => onOpen(comparePath(workspace, selection.ids));
  useShortcuts([
    { key: "/", does: "filter runs", run: () => box.current?.focus() },
    { key: "j", does: "next run", run: () => grid.current?.move(1) },
    { key: "k", does: "previous run", run: () => grid.current?.move(-1) },
    {
      key: "x",
      does: "select the run",
      run: () => {
        const id = grid.current?.current() ?? null;
        if (id !== null) selection.toggle(id, false, shownIds);
      },
    },
    { key: "c", does: "compare the runs that are selected", run: () => selection.ids.length > 1 && compare() },
    { key: "e", does: "choose columns", run: () => setChoosing(true) },
  ]);

  const change = async (row: RunRow, verb: string, work: Promise<Changed>): Promise<void> => {
    const { failure } = await work;
    if (failure === null) notify(`${verb} ${row.displayName}`);
    else notifyFailure(`${row.displayName} was not changed`, failure);
    await live.recheck([row.id]);
  };
  const lookup = {
    workspace,
    experimentNames,
    versions,
    onRename: setRenamed,
    onDelete: (row: RunRow) => void change(row, "Deleted", deleteRuns(workspace, [row.id])),
    onRestore: (row: RunRow) => void change(row, "Restored", restoreRuns(workspace, [row.id])),
  };

  const failure = found.error === null ? null : failureOf(found.error);
  const ofFilter = failure?.reason === "FILTER_INVALID" && search.filter !== undefined ? search.filter : null;
  const nothingFound = found.isSuccess && !isStale && items.length === 0;
  const title = [...experimentNames.values()].join(" + ");
  return (
    <LookupContext value={lookup}>
      {selection.ids.length > 0 ? (
        <BulkBar
          workspace={workspace}
          experiment={scope.experiments[0] ?? ""}
          ids={selection.ids}
          mayHave={{ deleted: search.view !== undefined, active: search.view !== "deleted" }}
          onCompare={compare}
          onClear={selection.clear}
          onChanged={(changed) => void live.recheck(changed)}
        />
      ) : (
        <Toolbar title={<Title workspace={workspace} name={title} />}>
          <ViewSwitch workspace={workspace} experiment={scope.experiments[0] ?? ""} shown="table" />
          <IconButton
            label="About the experiment"
            icon={<Info />}
            aria-expanded={search.about === true}
            onClick={() => go({ about: search.about === true ? undefined : true }, false)}
          />
          <FilterBar
            text={search.filter ?? ""}
            onText={(filter) => go({ filter: filter === "" ? undefined : filter })}
            failure={failure === null || ofFilter === null ? null : inTyped(failure, ofFilter, rowsFilter(search))}
            scope={scope}
            boxRef={box}
          />
          <QuickFilters scope={scope} choice={search} onChange={(each) => go(each)} />
          <Button icon={<Columns3 />} onClick={() => setChoosing(true)}>
            Columns
          </Button>
          <CsvButton scope={scope} search={search} columns={columns} fileName={title} />
        </Toolbar>
      )}
      {search.about === true && experiment !== null && <About workspace={workspace} experiment={experiment} />}
      {failure !== null && ofFilter === null && <Problem failure={failure} onRetry={() => void found.refetch()} />}
      {found.isPending && failure === null && <Skeleton rows={SKELETON_ROWS} />}
      {nothingFound ? (
        <Nothing search={search} name={title} onClear={() => go(NO_FILTER)} />
      ) : (
        items.length > 0 && (
          <RunsGrid
            workspace={workspace}
            items={items}
            count={count}
            isTree={isTree}
            layout={layout}
            order={orderOf(search)}
            changes={changes}
            selected={selection.selected}
            isStale={isStale}
            question={askedBy(search)}
            onPull={(id, width) => setPulled({ [id]: width })}
            onNeed={() => {
              if (found.hasNextPage && !found.isFetchingNextPage && !isStale) void found.fetchNextPage();
            }}
            onSelect={(id, isRange) => selection.toggle(id, isRange, shownIds)}
            onSelectAll={() => selection.toggleAll(shownIds)}
            onToggleOpen={(id) => go({ open: toggled(search.open ?? NO_IDS, id) }, false)}
            onOpenRun={(id) => onOpen(runPath(workspace, id))}
            handle={grid}
          />
        )
      )}
      <StatusLine
        total={total}
        known={items.length}
        isNested={isNested(search)}
        hasSwitch={isAnyNested || search.nested !== undefined}
        isTree={isTree}
        isReading={found.isFetchingNextPage}
        live={live}
        onNested={(isNested) => go({ nested: isNested })}
      />
      <ColumnsDialog
        scope={scope}
        isOpen={isChoosing}
        onClose={() => setChoosing(false)}
        ids={ids}
        pinned={pinned}
        onColumns={(next) => go({ columns: columnsOf(next).map((column) => column.id) }, false)}
        onMove={changes.onMove}
        onPin={changes.onPin}
        onReset={() => go({ columns: undefined, pinned: undefined, widths: undefined })}
      />
      <NameDialog
        key={renamed?.id}
        title="Rename the run"
        action="Rename"
        name={renamed?.displayName ?? ""}
        isOpen={renamed !== null}
        onClose={() => setRenamed(null)}
        onSave={async (displayName) => {
          if (renamed === null) return;
          await renameRun(workspace, renamed.id, displayName);
          await live.recheck([renamed.id]);
        }}
      />
    </LookupContext>
  );
}

const orderOf = ({ order, desc }: RunsSearch) =>
  order === undefined ? null : { id: order, isDescending: desc === true };

const toggled = (ids: readonly string[], id: string): readonly string[] | undefined => {
  const next = ids.includes(id) ? ids.filter((each) => each !== id) : [...ids, id];
  return next.length === 0 ? undefined : next;
};

/** What the heads of columns do, as changes of the URL. */
function columnChanges(
  search: RunsSearch,
  ids: readonly string[],
  go: Properties["go"],
  onSettled: () => void,
): ColumnChanges {
  const pinned = search.pinned ?? NO_IDS;
  const putPinned = (next: readonly string[]): void => go({ pinned: next.length === 0 ? undefined : next });
  const move = (id: string, by: number): void => {
    const place = pinned.indexOf(id);
    if (place < 0) {
      go({ columns: movedColumn(ids, id, by) });
      return;
    }
    const next = pinned.toSpliced(place, 1);
    putPinned(next.toSpliced(Math.min(Math.max(place + by, 0), next.length), 0, id));
  };
  return {
    onOrder: (id, isDescending) => go({ order: id ?? undefined, desc: id !== null && isDescending ? true : undefined }),
    onMove: move,
    onPut: (id, target) => {
      const among = pinned.includes(id) ? pinned : ids;
      if (among.includes(id) && among.includes(target)) move(id, among.indexOf(target) - among.indexOf(id));
    },
    onPin: (id, isPinned) => putPinned(isPinned ? [...pinned, id] : pinned.filter((each) => each !== id)),
    onHide: (id) => go({ columns: ids.filter((each) => each !== id) }),
    onReplace: (id, by) => go({ columns: [...new Set(ids.map((each) => (each === id ? by : each)))] }),
    onResize: (id, width) => {
      const { [id]: _, ...others } = search.widths ?? {};
      const widths = width === null ? others : { ...others, [id]: width };
      onSettled();
      go({ widths: Object.keys(widths).length === 0 ? undefined : widths }, false);
    },
  };
}

interface NothingProperties {
  readonly search: RunsSearch;
  readonly name: string;
  readonly onClear: () => void;
}

function Nothing({ search, name, onClear }: NothingProperties) {
  if (isFiltered(search)) {
    return (
      <Empty title="No run passes the filter">
        <Button onClick={onClear}>Show all runs</Button>
      </Empty>
    );
  }
  const paste = `import trivet

with trivet.start_run(experiment=${JSON.stringify(name)}):
    trivet.log_param("lr", 0.1)
    trivet.log_metric("loss", 0.5)`;
  return <Empty title="No runs yet" paste={paste} />;
}
