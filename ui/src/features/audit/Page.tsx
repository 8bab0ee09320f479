import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";

import { failureOf } from "~/api/errors";
import styles from "~/features/audit/Audit.module.css";
import { EventsTable } from "~/features/audit/parts/EventsTable";
import { Filters } from "~/features/audit/parts/Filters";
import { More } from "~/features/audit/parts/More";
import { auditQuery, serversToAsk } from "~/features/audit/queries";
import type { AuditSearch } from "~/features/audit/search";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Toolbar } from "~/shared/components/Toolbar";
import { awaySentence, useServers } from "~/shared/hooks/useServers";
import { permissionsIn, workspacesQuery } from "~/shared/session/workspaces";

const route = getRouteApi("/w/$workspace/audit");

/** Who did what in a workspace, and who was turned away; for its administrators. */
export function AuditPage() {
  const { workspace } = route.useParams();
  const client = useQueryClient();
  const workspaces = useQuery(workspacesQuery);
  const isAdmin = permissionsIn(workspaces.data, workspace).includes("ADMIN");
  return (
    <>
      <Toolbar title="Audit">
        {isAdmin && (
          <Button icon={<RefreshCw />} onClick={() => void client.resetQueries({ queryKey: ["audit", workspace] })}>
            Refresh
          </Button>
        )}
      </Toolbar>
      {workspaces.isError && (
        <Problem failure={failureOf(workspaces.error)} onRetry={() => void workspaces.refetch()} />
      )}
      {workspaces.isPending && <Skeleton />}
      {workspaces.isSuccess && !isAdmin && (
        <Empty title="Who did what here is for administrators of this workspace">
          <p>It needs the permission ADMIN.</p>
        </Empty>
      )}
      {isAdmin && <Events workspace={workspace} />}
    </>
  );
}

function Events({ workspace }: { readonly workspace: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { servers } = useServers({ isAsked: true });
  const asked = serversToAsk(servers);
  const found = useInfiniteQuery({ ...auditQuery(workspace, asked ?? [], search), enabled: asked !== null });
  const events = found.data?.pages.flatMap((page) => page.events) ?? [];
  const go = (changed: AuditSearch): void => void navigate({ search: changed });
  return (
    <div className={styles.page}>
      <Filters key={JSON.stringify(search)} search={search} onSearch={go} />
      {asked === null && awaySentence(servers) !== "" && (
        <p role="alert">{awaySentence(servers)}. Events are shown when all that have some answer.</p>
      )}
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && events.length === 0 && <Empty title="There are no such events" />}
      {events.length > 0 && (
        <EventsTable workspace={workspace} events={events} onSearch={(more) => go({ ...search, ...more })} />
      )}
      {found.hasNextPage && <More isAsking={found.isFetchingNextPage || found.isError} onMore={found.fetchNextPage} />}
    </div>
  );
}
