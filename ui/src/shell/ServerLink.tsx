import { Link } from "@tanstack/react-router";
import { Server } from "lucide-react";

import { useLater } from "~/shared/hooks/useLater";
import { awaySentence, useServers } from "~/shared/hooks/useServers";
import styles from "~/shell/Shell.module.css";

/** What a page reads first has the connections for itself. */
const AFTER_MS = 2_000;

/** Leads to the page about the server, and has a dot while something is away. */
export function ServerLink({ workspace }: { readonly workspace: string }) {
  const { servers } = useServers({ isAsked: useLater(AFTER_MS) });
  const away = awaySentence(servers);
  return (
    <Link
      to="/w/$workspace/server"
      params={{ workspace }}
      className={styles.link}
      activeProps={{ className: styles.active ?? "" }}
    >
      <Server aria-hidden /> Server
      {away !== "" && <span role="img" className={styles.dot} aria-label={away} title={away} />}
    </Link>
  );
}
