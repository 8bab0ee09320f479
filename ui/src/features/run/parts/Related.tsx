import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/features/run/parts/Overview.module.css";
import { displayNameOf, relatedRuns } from "~/features/run/queries";
import { Button } from "~/shared/components/Button";
import { PathLink } from "~/shared/components/PathLink";
import { Section } from "~/shared/components/Section";
import { Status } from "~/shared/components/Status";
import { Time } from "~/shared/components/Time";
import { count } from "~/shared/format/numbers";
import { runPath } from "~/shared/links";

/** The runs around a run: the one that it is nested in or was forked from, and those that are of it. */
export function Related({ workspace, run }: { readonly workspace: string; readonly run: Run }) {
  const id = idOf(run.name);
  return (
    <>
      {run.parentRun !== "" && <Other title="Parent" workspace={workspace} run={run.parentRun} />}
      {run.forkedFrom !== undefined && (
        <Other
          title={`Forked at step ${count(run.forkedFrom.step)} from`}
          workspace={workspace}
          run={run.forkedFrom.run}
        />
      )}
      <Runs title="Children" workspace={workspace} run={id} how="parent_run_id" />
      <Runs title="Forks" workspace={workspace} run={id} how="forked_from_run_id" />
    </>
  );
}

function Other({
  title,
  workspace,
  run,
}: {
  readonly title: string;
  readonly workspace: string;
  readonly run: string;
}) {
  const id = idOf(run);
  const { data: displayName } = useQuery(displayNameOf(workspace, id));
  return (
    <Section title={title}>
      {displayName === null ? (
        <p className={styles.none}>The run {id} is gone.</p>
      ) : (
        <PathLink path={runPath(workspace, id)}>{displayName ?? id}</PathLink>
      )}
    </Section>
  );
}

interface RunsProperties {
  readonly title: string;
  readonly workspace: string;
  readonly run: string;
  readonly how: "parent_run_id" | "forked_from_run_id";
}

function Runs({ title, workspace, run, how }: RunsProperties) {
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(relatedRuns(workspace, run, how));
  const runs = data?.pages.flatMap((page) => page.runs) ?? [];
  if (runs.length === 0) return null;
  return (
    <Section title={`${title} (${count(data?.pages[0]?.totalSize ?? runs.length)})`}>
      <ul className={styles.list} aria-label={title}>
        {runs.map((each) => (
          <li key={each.name} className={styles.item}>
            <PathLink path={runPath(workspace, idOf(each.name))}>{each.displayName}</PathLink>
            <Status status={each.status} isStale={each.stale} />
            <Time at={millis(each.startTime)} />
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More
        </Button>
      )}
    </Section>
  );
}
