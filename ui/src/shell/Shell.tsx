import { Link, Outlet, useParams } from "@tanstack/react-router";
import { Boxes, FlaskConical } from "lucide-react";
import { useState } from "react";

import { Toasts } from "~/shared/components/toasts";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { pathNow, SignInChoice } from "~/shared/session/SignInChoice";
import { useSignIn } from "~/shared/session/useSignIn";
import { AppearanceMenu } from "~/shell/AppearanceMenu";
import { CallerMenu } from "~/shell/CallerMenu";
import { KeysHelp } from "~/shell/KeysHelp";
import { ServerLink } from "~/shell/ServerLink";
import { SessionEnded } from "~/shell/SessionEnded";
import styles from "~/shell/Shell.module.css";
import { WorkspaceMenu } from "~/shell/WorkspaceMenu";

/** What is around every page: where one is, and where one can go. */
export function Shell() {
  const { workspace } = useParams({ from: "/w/$workspace" });
  const [isHelpOpen, setHelpOpen] = useState(false);
  const signIn = useSignIn();
  useShortcuts([{ key: "?", does: "show these keys", run: () => setHelpOpen(true) }]);
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to the content
      </a>
      <header className={styles.header}>
        <Link to="/w/$workspace/experiments" params={{ workspace }} className={styles.brand}>
          <img src="/ui/icon.svg" alt="" width="18" height="18" />
          Trivet
        </Link>
        <WorkspaceMenu workspace={workspace} />
        <nav aria-label="Main" className={styles.nav}>
          <Link
            to="/w/$workspace/experiments"
            params={{ workspace }}
            className={styles.link}
            activeProps={{ className: styles.active ?? "" }}
          >
            <FlaskConical aria-hidden /> Experiments
          </Link>
          <Link
            to="/w/$workspace/models"
            params={{ workspace }}
            className={styles.link}
            activeProps={{ className: styles.active ?? "" }}
          >
            <Boxes aria-hidden /> Models
          </Link>
          <ServerLink workspace={workspace} />
        </nav>
        <div className={styles.spacer} />
        <CallerMenu workspace={workspace} />
        <AppearanceMenu onKeys={() => setHelpOpen(true)} />
      </header>
      {signIn.is === "ended" && <SessionEnded issuers={signIn.issuers} />}
      <main id="content" className={styles.main} tabIndex={-1}>
        {signIn.is === "needed" ? <SignInChoice issuers={signIn.issuers} returnPath={pathNow()} /> : <Outlet />}
      </main>
      <KeysHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
      <Toasts />
    </div>
  );
}
