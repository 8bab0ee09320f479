import { useQuery } from "@tanstack/react-query";
import { GitCompareArrows, Hash, Link, Pencil, RotateCcw, Trash2, Ellipsis } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import { LifecycleState } from "~/api/gen/trivet/tracking/v1/lifecycle_pb";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import type { WatchState } from "~/api/watch";
import { colorOf } from "~/charts/colors";
import styles from "~/features/run/Page.module.css";
import { LiveBadge } from "~/features/run/parts/LiveBadge";
import { experimentOf, useRunChanges } from "~/features/run/queries";
import { Button, IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { NameDialog } from "~/shared/components/NameDialog";
import { PathLink } from "~/shared/components/PathLink";
import { Status } from "~/shared/components/Status";
import { notify, notifyFailure } from "~/shared/components/toasts";
import { Toolbar } from "~/shared/components/Toolbar";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { comparePath, experimentPath } from "~/shared/links";

interface Properties {
  readonly workspace: string;
  readonly run: Run;
  readonly watch: WatchState;
}

/** What the run is called, how it is, and what can be done with it. */
export function RunHeader({ workspace, run, watch }: Properties) {
  const id = idOf(run.name);
  const changes = useRunChanges(workspace, id);
  const { data: experiment } = useQuery(experimentOf(workspace, run));
  const [isRenaming, setRenaming] = useState(false);
  const isDeleted = run.state === LifecycleState.DELETED;
  useShortcuts([{ key: "r", does: "rename the run", run: () => setRenaming(true) }]);
  const attempt = (work: Promise<unknown>, done: string): void =>
    void work.then(
      () => notify(done),
      (error: unknown) => notifyFailure(`${run.displayName} was not changed`, failureOf(error)),
    );
  const copy = (text: string, what: string): void => attempt(navigator.clipboard.writeText(text), `Copied ${what}`);
  return (
    <>
      <Toolbar
        title={
          <span className={styles.where}>
            <PathLink path={experimentPath(workspace, idOf(run.experiment))} className={styles.name}>
              {experiment?.displayName ?? `Experiment ${idOf(run.experiment)}`}
            </PathLink>
            <span className={styles.soft}>/</span>
            <span className={styles.dot} style={{ background: colorOf(id) }} />
            <span className={styles.name} title={run.displayName}>
              {run.displayName}
            </span>
          </span>
        }
      >
        <Status status={run.status} isStale={run.stale} />
        {run.status === RunStatus.RUNNING && <LiveBadge watch={watch} />}
        <span className={styles.spacer} />
        <Button icon={<Pencil />} disabled={isDeleted} onClick={() => setRenaming(true)}>
          Rename
        </Button>
        <Menu
          trigger={<IconButton label="Actions for the run" kind="plain" icon={<Ellipsis />} />}
          items={[
            {
              id: "link",
              label: "Copy the link",
              icon: <Link />,
              onChoose: () => copy(globalThis.location.href, "the link"),
            },
            { id: "id", label: "Copy the run id", icon: <Hash />, onChoose: () => copy(id, "the run id") },
            {
              id: "compare",
              label: "Compare with …",
              icon: <GitCompareArrows />,
              onChoose: () => globalThis.location.assign(comparePath(workspace, [id])),
            },
            isDeleted
              ? {
                  id: "restore",
                  label: "Restore",
                  icon: <RotateCcw />,
                  onChoose: () => attempt(changes.restore.mutateAsync(), `Restored ${run.displayName}`),
                }
              : {
                  id: "delete",
                  label: "Delete",
                  icon: <Trash2 />,
                  isDangerous: true,
                  onChoose: () => attempt(changes.remove.mutateAsync(), `Deleted ${run.displayName}`),
                },
          ]}
        />
      </Toolbar>
      <NameDialog
        key={run.displayName}
        title="Rename the run"
        action="Rename"
        name={run.displayName}
        isOpen={isRenaming}
        onClose={() => setRenaming(false)}
        onSave={async (displayName) => {
          await changes.rename.mutateAsync(displayName);
        }}
      />
    </>
  );
}
