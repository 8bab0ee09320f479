import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import { commitOf, DIFF, ENVIRONMENT, isSource } from "~/shared/captured/captured";
import { CapturedDialog } from "~/features/run/parts/CapturedDialog";
import styles from "~/features/run/parts/Overview.module.css";
import { capturedFiles } from "~/features/run/queries";
import { CopyButton } from "~/shared/components/CopyButton";
import { Facts, Section } from "~/shared/components/Section";
import { PathLink } from "~/shared/components/PathLink";
import { Status } from "~/shared/components/Status";
import { Duration, Time } from "~/shared/components/Time";
import { experimentPath } from "~/shared/links";

const COMMIT_DIGITS = 10;
/** Who has shown no token. */
const ANONYMOUS = "anonymous";

/** When, where and by whom a run was made, and of which code. */
export function Details({ workspace, run }: { readonly workspace: string; readonly run: Run }) {
  const id = idOf(run.name);
  const { data: captured = [] } = useQuery(capturedFiles(workspace, id));
  const [shown, setShown] = useState<string | null>(null);
  const tag = (key: string): string | null => run.tags[key] ?? null;
  const command = tag("trivet.command");
  const branch = tag("trivet.git.branch");
  const source = captured.find(isSource);
  const hasDiff = captured.includes(DIFF);
  const commit = commitOf(run);
  const hasEnded = run.status !== RunStatus.RUNNING && run.status !== RunStatus.SCHEDULED;
  return (
    <Section title="Details">
      <Facts
        facts={[
          ["Status", <Status key="status" status={run.status} isStale={run.stale} />],
          ["Started", <Time key="start" at={millis(run.startTime)} />],
          [
            "Took",
            hasEnded && run.endTime === undefined ? null : (
              <Duration key="took" from={millis(run.startTime)} to={millis(run.endTime)} />
            ),
          ],
          ["Last written", hasEnded ? null : <Time key="written" at={millis(run.lastWriteTime)} />],
          ["User", run.user === "" ? null : run.user],
          ["Created by", ["", ANONYMOUS, run.user].includes(run.createdBy) ? null : run.createdBy],
          [
            "Run id",
            <>
              <span className={styles.mono}>{id}</span> <CopyButton text={id} label="Copy the run id" />
            </>,
          ],
          [
            "Experiment id",
            <PathLink key="experiment" path={experimentPath(workspace, idOf(run.experiment))}>
              {idOf(run.experiment)}
            </PathLink>,
          ],
          [
            "Source",
            run.source === "" ? null : (
              <>
                <span className={styles.mono}>{run.source}</span>
                {source !== undefined && <Show what="Show" onClick={() => setShown(source)} />}
              </>
            ),
          ],
          [
            "Command",
            command === null ? null : (
              <>
                <span className={styles.command}>{command}</span> <CopyButton text={command} label="Copy the command" />
              </>
            ),
          ],
          [
            "Commit",
            commit === null ? null : (
              <>
                <span className={styles.mono} title={commit}>
                  {commit.slice(0, COMMIT_DIGITS)}
                </span>
                <CopyButton text={commit} label="Copy the commit" />
                {branch !== null && <span className={styles.soft}>on {branch}</span>}
                {hasDiff && <Show what="Changes" onClick={() => setShown(DIFF)} />}
                {!hasDiff && tag("trivet.git.dirty") === "false" && <span className={styles.soft}>unchanged</span>}
              </>
            ),
          ],
          ["Repository", tag("trivet.git.remote")],
          ["Host", tag("trivet.host")],
          [
            "Environment",
            captured.includes(ENVIRONMENT) ? (
              <Show key="environment" what="Python and packages" onClick={() => setShown(ENVIRONMENT)} />
            ) : null,
          ],
        ]}
      />
      <CapturedDialog workspace={workspace} run={id} path={shown} onClose={() => setShown(null)} />
    </Section>
  );
}

function Show({ what, onClick }: { readonly what: string; readonly onClick: () => void }) {
  return (
    <button type="button" className={styles.key} onClick={onClick}>
      {what}
    </button>
  );
}
