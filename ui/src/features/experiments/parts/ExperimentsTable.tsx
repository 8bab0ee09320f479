import { Link } from "@tanstack/react-router";
import { Ellipsis, Pencil, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { Experiment } from "~/api/gen/trivet/tracking/v1/experiment_pb";
import { LifecycleState } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import { NameDialog } from "~/shared/components/NameDialog";
import type { useExperimentChanges } from "~/features/experiments/queries";
import type { ExperimentOrder, ExperimentsSearch } from "~/features/experiments/search";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";
import { notify, notifyFailure } from "~/shared/components/toasts";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

interface Properties {
  readonly workspace: string;
  readonly experiments: readonly Experiment[];
  readonly search: ExperimentsSearch;
  readonly isStale: boolean;
  readonly onOrder: (by: ExperimentOrder, isDescending: boolean) => void;
  readonly changes: ReturnType<typeof useExperimentChanges>;
}

export function ExperimentsTable({ workspace, experiments, search, isStale, onOrder, changes }: Properties) {
  const [renamed, setRenamed] = useState<Experiment | null>(null);
  const columns: Column<Experiment, ExperimentOrder>[] = [
    {
      id: "name",
      header: "Name",
      sort: "name",
      cell: (each) => (
        <Link to="/w/$workspace/experiments/$experiment" params={{ workspace, experiment: idOf(each.name) }}>
          {each.displayName}
        </Link>
      ),
    },
    { id: "id", header: "Id", isNumber: true, cell: (each) => idOf(each.name) },
    { id: "created", header: "Created", sort: "creation_time", cell: (each) => <Time at={millis(each.createTime)} /> },
    {
      id: "tags",
      header: "Tags",
      cell: (each) => (
        <Tags tags={each.tags} onChange={(key, value) => changes.setTag.mutateAsync({ name: each.name, key, value })} />
      ),
    },
    {
      id: "actions",
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
