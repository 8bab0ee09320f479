import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Plus, Table2, X } from "lucide-react";
import { useRef, useState } from "react";

import { failureOf } from "~/api/errors";
import { idOf } from "~/api/names";
import { ExperimentsTable } from "~/features/experiments/parts/ExperimentsTable";
import { NameDialog } from "~/shared/components/NameDialog";
import { experimentsQuery, useActivities, useExperimentChanges } from "~/features/experiments/queries";
import type { ExperimentsSearch } from "~/features/experiments/search";
import { EXPERIMENT_VIEWS } from "~/features/experiments/search";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { SearchBox } from "~/shared/components/SearchBox";
import { Skeleton } from "~/shared/components/Skeleton";
import { notify } from "~/shared/components/toasts";
import { Toolbar } from "~/shared/components/Toolbar";
import { count } from "~/shared/format/numbers";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

const FIRST_RUN = `import trivet

trivet.set_experiment("first")
with trivet.start_run():
    trivet.log_metric("loss", 0.1)`;
const route = getRouteApi("/w/$workspace/experiments");

export function ExperimentsPage() {
  const { workspace } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const changes = useExperimentChanges(workspace);
  const [isCreating, setCreating] = useState(false);
  const found = useInfiniteQuery({ ...experimentsQuery(workspace, search), placeholderData: keepPreviousData });
  const go = (change: Partial<ExperimentsSearch>): void =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: "q" in change });
  const box = useRef<HTMLInputElement>(null);
  const pages = found.data?.pages.map((page) => page.experiments) ?? [];
  const activities = useActivities(workspace, pages);
  const rows = pages.flat();
  const [current, setCurrent] = useState<string | null>(null);
  const selected = search.selected ?? [];
  const select = (ids: readonly string[], isSelected: boolean): void => {
    const left = selected.filter((id) => !ids.includes(id));
    const next = isSelected ? [...left, ...ids] : left;
    go({ selected: next.length === 0 ? undefined : next });
  };
  const move = (by: number): void => {
    const place = rows.findIndex((each) => each.name === current);
    const next = rows[Math.min(Math.max(place + by, 0), rows.length - 1)];
    if (next === undefined) return;
    setCurrent(next.name);
    document.querySelector(`[data-row="${CSS.escape(next.name)}"]`)?.scrollIntoView({ block: "nearest" });
  };
  /** Shows the runs of experiments, those of the first with those of the others. */
  const open = ([first, ...others]: readonly string[]): void => {
    if (first === undefined) return;
    void navigate({
      to: "/w/$workspace/experiments/$experiment",
      params: { workspace, experiment: first },
      search: others.length === 0 ? {} : { and: others.join(",") },
    });
  };
  useShortcuts([
    { key: "/", does: "search experiments", run: () => box.current?.focus() },
    { key: "n", does: "create an experiment", run: () => setCreating(true) },
    { key: "j", does: "next experiment", run: () => move(1) },
    { key: "k", does: "experiment before", run: () => move(-1) },
    {
      key: "x",
      does: "select the experiment",
      run: () => {
        if (current !== null) select([idOf(current)], !selected.includes(idOf(current)));
      },
    },
    {
      key: "Enter",
      does: "show the runs of what is selected, or of the experiment",
      run: () => open(selected.length > 0 ? selected : current === null ? [] : [idOf(current)]),
    },
  ]);
  return (
    <>
      {selected.length > 0 ? (
        <Toolbar title={`${count(selected.length)} selected`}>
          <Button kind="primary" icon={<Table2 />} onClick={() => open(selected)}>
            {selected.length === 1 ? "Show its runs" : "Show their runs together"}
          </Button>
          <Button icon={<X />} onClick={() => select(selected, false)}>
            Clear
          </Button>
        </Toolbar>
      ) : (
        <Toolbar title="Experiments">
          <SearchBox
            key={workspace}
            label="Search by name"
            text={search.q ?? ""}
            onText={(q) => go({ q: q === "" ? undefined : q })}
            boxRef={box}
          />
          <select
            aria-label="Which experiments"
            value={search.view ?? "active"}
            onChange={(event) => go({ view: EXPERIMENT_VIEWS.find((each) => each === event.target.value) })}
          >
            <option value="active">in use</option>
            <option value="deleted">deleted</option>
            <option value="all">all</option>
          </select>
          <Button kind="primary" icon={<Plus />} onClick={() => setCreating(true)}>
            Create
          </Button>
        </Toolbar>
      )}
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {!found.isError && activities.error !== null && (
        <p role="status">Runs are not counted: {failureOf(activities.error).message}</p>
      )}
      {found.isPending && <Skeleton />}
      {found.isSuccess && rows.length === 0 && <Nothing search={search} />}
      {rows.length > 0 && (
        <ExperimentsTable
          workspace={workspace}
          experiments={rows}
          search={search}
          isStale={found.isPlaceholderData}
          onOrder={(order, desc) => go({ order, desc })}
          changes={changes}
          activities={activities}
          selected={new Set(selected)}
          onSelect={select}
          current={current}
        />
      )}
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Load more
        </Button>
      )}
      <NameDialog
        title="Create an experiment"
        action="Create"
        isOpen={isCreating}
        onClose={() => setCreating(false)}
        onSave={async (displayName) => {
          await changes.create.mutateAsync({ displayName, description: "" });
          notify(`Created ${displayName}`);
        }}
      />
    </>
  );
}

function Nothing({ search }: { readonly search: ExperimentsSearch }) {
  if (search.q !== undefined) return <Empty title={`No experiment's name holds “${search.q}”`} />;
  if (search.view === "deleted") return <Empty title="No deleted experiments" />;
  return <Empty title="No experiments yet" paste={FIRST_RUN} />;
}
