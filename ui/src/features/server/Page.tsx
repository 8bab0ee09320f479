import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { RefreshCw } from "lucide-react";

import { failureOf } from "~/api/errors";
import { LimitsTable, ServersTable } from "~/features/server/parts/ServersTable";
import { StorageTable } from "~/features/server/parts/StorageTable";
import styles from "~/features/server/Server.module.css";
import { Button } from "~/shared/components/Button";
import { Time } from "~/shared/components/Time";
import { Toolbar } from "~/shared/components/Toolbar";
import { awaySentence, useServers } from "~/shared/hooks/useServers";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { callerQuery } from "~/shared/session/caller";
import { permissionsIn, workspacesQuery } from "~/shared/session/workspaces";

const route = getRouteApi("/w/$workspace/server");

/** What runs here, whether it answers, and how much room it takes. */
export function ServerPage() {
  const { workspace } = route.useParams();
  const client = useQueryClient();
  const { servers, askedAt, isAsking } = useServers({ isAsked: true });
  const refresh = (): void => void client.invalidateQueries({ queryKey: ["server"] });
  useShortcuts([{ key: "r", does: "ask the servers again", run: refresh }]);
  const away = awaySentence(servers);
  const workspaces = useQuery(workspacesQuery);
  const isAdmin = permissionsIn(workspaces.data, workspace).includes("ADMIN");
  return (
    <>
      <Toolbar title="Server">
        <Button icon={<RefreshCw />} disabled={isAsking} onClick={refresh}>
          Refresh
        </Button>
        {askedAt > 0 && (
          <span className={styles.note}>
            asked <Time at={askedAt} />
          </span>
        )}
        <span role="status" className={styles.bad}>
          {away === "" ? "" : `${away}. It is asked again every half minute.`}
        </span>
      </Toolbar>
      <div className={styles.page}>
        <section className={styles.section} aria-label="Servers">
          <ServersTable servers={servers} />
        </section>
        <section className={styles.section}>
          <h2>Who you are</h2>
          <Caller />
          {isAdmin && (
            <p>
              <Link to="/w/$workspace/audit" params={{ workspace }}>
                Who did what in this workspace
              </Link>
            </p>
          )}
        </section>
        <section className={styles.section}>
          <h2>Storage</h2>
          <StorageTable workspace={workspace} />
        </section>
        <section className={`${styles.section} ${styles.limits}`}>
          <h2>Limits</h2>
          <LimitsTable servers={servers} />
        </section>
      </div>
    </>
  );
}

function Caller() {
  const { data, error } = useQuery(callerQuery);
  if (error !== null) return <p className={styles.bad}>{failureOf(error).message}</p>;
  if (data === undefined) return <p className={styles.soft}>…</p>;
  return (
    <p>
      <b>{data.subject}</b>{" "}
      <span className={styles.note}>
        {data.authenticated ? "as your credentials say" : "as everybody here: this server asks for no credentials"}
      </span>
    </p>
  );
}
