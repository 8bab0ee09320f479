import { Link } from "@tanstack/react-router";
import { Ellipsis, LoaderCircle, Pencil, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import type { ExperimentActivity } from "~/api/gen/trivet/tracking/v1/experiment_activity_pb";
import { LifecycleState } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import { NameDialog } from "~/shared/components/NameDialog";
import { firstLine } from "~/features/experiments/firstLine";
import styles from "~/features/experiments/parts/ExperimentsTable.module.css";
import type { Activities, useExperimentChanges } from "~/features/experiments/queries";
import type { ExperimentOrder, ExperimentsSearch } from "~/features/experiments/search";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";
import { notify, notifyFailure } from "~/shared/components/toasts";
import { count } from "~/shared/format/numbers";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

interface Properties {
  readonly workspace: string;
  readonly experiments: readonly Experiment[];
  readonly search: ExperimentsSearch;
  readonly isStale: boolean;
  readonly onOrder: (by: ExperimentOrder, isDescending: boolean) => void;
  readonly changes: ReturnType<typeof useExperimentChanges>;
  readonly activities: Activities;
  /** Ids of those that are selected. */
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: readonly string[], isSelected: boolean) => void;
  /** The name of the one that keys moved to. */
  readonly current: string | null;
}

export function ExperimentsTable(properties: Properties) {
  const { workspace, experiments, search, isStale, onOrder, changes, activities, selected, onSelect, current } =
    properties;
  const [renamed, setRenamed] = useState<Experiment | null>(null);
  const ids = experiments.map((each) => idOf(each.name));
  const columns: Column<Experiment, ExperimentOrder>[] = [
    {
      id: "select",
      isNarrow: true,
      header: (
        <input
          type="checkbox"
          aria-label="Select all that are shown"
          checked={ids.every((id) => selected.has(id))}
          onChange={(event) => onSelect(ids, event.target.checked)}
        />
      ),
      cell: (each) => (
        <input
          type="checkbox"
          aria-label={`Select ${each.displayName}`}
          checked={selected.has(idOf(each.name))}
          onChange={(event) => onSelect([idOf(each.name)], event.target.checked)}
        />
      ),
    },
    {
      id: "name",
      header: "Name",
      sort: "name",
      cell: (each) => (
        <div className={styles.name}>
          <Link to="/w/$workspace/experiments/$experiment" params={{ workspace, experiment: idOf(each.name) }}>
            {each.displayName}
          </Link>
          {each.state === LifecycleState.DELETED && <span className={styles.deleted}>deleted</span>}
          <span className={styles.description} title={each.description}>
            {firstLine(each.description)}
          </span>
        </div>
      ),
    },
    {
      id: "runs",
      header: "Runs",
      isNumber: true,
      cell: (each) => <RunCount activity={activities.of.get(each.name)} />,
    },
    {
      id: "running",
      header: "Running",
      cell: (each) => <RunningNow count={activities.of.get(each.name)?.runningRunCount ?? 0n} />,
    },
    {
      id: "activity",
      header: "Last activity",
      cell: (each) => <LastActivity activity={activities.of.get(each.name)} />,
    },
    { id: "created", header: "Created", sort: "creation_time", cell: (each) => <Time at={millis(each.createTime)} /> },
    { id: "id", header: "Id", isNumber: true, cell: (each) => idOf(each.name) },
    {
      id: "tags",
      header: "Tags",
      cell: (each) => (
        <Tags tags={each.tags} onChange={(key, value) => changes.setTag.mutateAsync({ name: each.name, key, value })} />
      ),
    },
    {
      id: "actions",
      isNarrow: true,
      header: <span className="visually-hidden">Actions</span>,
      cell: (each) => <Actions experiment={each} changes={changes} onRename={() => setRenamed(each)} />,
    },
  ];
  return (
    <>
      <Table
        label="Experiments"
        columns={columns}
        rows={experiments}
        keyOf={(each) => each.name}
        {...(search.order === undefined ? {} : { order: { by: search.order, isDescending: search.desc === true } })}
        onOrder={onOrder}
        isStale={isStale}
        {...(current === null ? {} : { current })}
      />
      <NameDialog
        key={renamed?.name}
        title="Rename the experiment"
        action="Rename"
        name={renamed?.displayName ?? ""}
        isOpen={renamed !== null}
        onClose={() => setRenamed(null)}
        onSave={async (displayName) => {
          if (renamed !== null) await changes.rename.mutateAsync({ name: renamed.name, displayName });
        }}
      />
    </>
  );
}

function RunCount({ activity }: { readonly activity: ExperimentActivity | undefined }) {
  if (activity === undefined) return <Unknown />;
  const deleted = activity.deletedRunCount;
  return <span title={deleted > 0n ? `and ${count(deleted)} deleted` : undefined}>{count(activity.runCount)}</span>;
}

function RunningNow({ count: running }: { readonly count: bigint }) {
  if (running === 0n) return null;
  return (
    <span className={styles.running}>
      <LoaderCircle aria-hidden /> {count(running)} now
    </span>
  );
}

function LastActivity({ activity }: { readonly activity: ExperimentActivity | undefined }) {
  return activity === undefined ? <Unknown /> : <Time at={millis(activity.lastActivityTime)} />;
}

/** What is not known yet: the rows do not wait for it. */
function Unknown() {
  return <span className={styles.unknown}>…</span>;
}

interface ActionsProperties {
  readonly experiment: Experiment;
  readonly changes: ReturnType<typeof useExperimentChanges>;
  readonly onRename: () => void;
}

function Actions({ experiment, changes, onRename }: ActionsProperties) {
  const attempt = (work: Promise<unknown>, done: string): void =>
    void work.then(
      () => notify(`${done} ${experiment.displayName}`),
      (error: unknown) => notifyFailure(`${experiment.displayName} was not changed`, failureOf(error)),
    );
  const isDeleted = experiment.state === LifecycleState.DELETED;
  return (
    <Menu
      trigger={<IconButton label={`Actions for ${experiment.displayName}`} icon={<Ellipsis />} />}
      items={[
        { id: "rename", label: "Rename", icon: <Pencil />, onChoose: onRename },
        isDeleted
          ? {
              id: "restore",
              label: "Restore",
              icon: <RotateCcw />,
              onChoose: () => attempt(changes.restore.mutateAsync(experiment.name), "Restored"),
            }
          : {
              id: "delete",
              label: "Delete",
              icon: <Trash2 />,
              isDangerous: true,
              onChoose: () => attempt(changes.remove.mutateAsync(experiment.name), "Deleted"),
            },
      ]}
    />
  );
}
