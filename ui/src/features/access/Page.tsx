import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { system } from "~/api/clients";
import { failureOf } from "~/api/errors";
import type { Workspace } from "~/api/gen/trivet/common/v1/system_service_pb";
import { idOf } from "~/api/names";
import styles from "~/features/access/Access.module.css";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Toolbar } from "~/shared/components/Toolbar";
import { callerQuery } from "~/shared/session/caller";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

const PAGE_SIZE = 200;

const COLUMNS: readonly Column<Workspace>[] = [
  { id: "workspace", header: "Workspace", cell: ({ name }) => <b>{idOf(name)}</b> },
  { id: "roles", header: "You are", cell: ({ roles }) => roles.join(", ") },
  { id: "permissions", header: "You may", cell: ({ permissions }) => permissions.map(wordOf).join(", ") },
];

/** What a permission lets one do. */
const WORDS: Readonly<Record<string, string>> = {
  READ: "read",
  WRITE: "write",
  MAINTAIN: "delete for good and set rules",
  APPROVE: "approve promotions",
  ADMIN: "administer",
};

const wordOf = (permission: string): string => WORDS[permission] ?? permission.toLowerCase();

/** Who one is, and what one may do in which workspace. */
export function AccessPage() {
  return (
    <>
      <Toolbar title="What you may do" />
      <div className={styles.page}>
        <Caller />
        <Workspaces />
      </div>
    </>
  );
}

function Caller() {
  const { data: caller, error, refetch } = useQuery(callerQuery);
  if (error !== null) return <Problem failure={failureOf(error)} onRetry={() => void refetch()} />;
  if (caller === undefined) return <Skeleton rows={1} />;
  return (
    <dl className={styles.facts}>
      <dt>You are</dt>
      <dd>{caller.subject}</dd>
      {caller.groups.length > 0 && (
        <>
          <dt>Groups</dt>
          <dd>{caller.groups.join(", ")}</dd>
        </>
      )}
      {caller.serverRoles.length > 0 && (
        <>
          <dt>On the server</dt>
          <dd>{caller.serverRoles.join(", ")}</dd>
        </>
      )}
    </dl>
  );
}

function Workspaces() {
  const found = useInfiniteQuery({
    queryKey: ["access"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      system.listWorkspaces({ pageSize: PAGE_SIZE, pageToken: pageParam }, { signal }),
    getNextPageParam: (page) => page.nextPageToken || undefined,
  });
  if (found.error !== null) return <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />;
  const workspaces = found.data?.pages.flatMap((page) => page.workspaces);
  if (workspaces === undefined) return <Skeleton rows={3} />;
  if (workspaces.length === 0) {
    return (
      <Empty title="No workspace lets you in">
        <p>Ask whoever keeps the policy file for a role.</p>
      </Empty>
    );
  }
  return (
    <>
      <Table label="Workspaces" columns={COLUMNS} rows={workspaces} keyOf={({ name }) => name} />
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          More
        </Button>
      )}
    </>
  );
}
