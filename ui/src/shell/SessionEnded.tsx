import { LogIn } from "lucide-react";
import { useState } from "react";

import { signInUrl } from "~/api/session";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import styles from "~/shell/Shell.module.css";

interface Properties {
  readonly issuers: readonly string[];
}

/**
 * Says that nobody is signed in any more, and lets them sign in beside the page, which keeps what they have typed. It is
 * a dialog over the one that they may be typing in, for that closes when somebody clicks beside it.
 */
export function SessionEnded({ issuers }: Properties) {
  const [isOpen, setOpen] = useState(true);
  return (
    <>
      <Dialog title="You are not signed in any more" isOpen={isOpen} onClose={() => setOpen(false)}>
        <p>Sign in again, in another window. What you have typed stays here.</p>
        <DialogActions>
          <Choices issuers={issuers} />
        </DialogActions>
      </Dialog>
      {!isOpen && (
        <div role="alert" className={styles.ended}>
          You are not signed in any more.
          <Choices issuers={issuers} />
        </div>
      )}
    </>
  );
}

function Choices({ issuers }: Properties) {
  return issuers.map((issuer) => (
    <Button
      key={issuer}
      kind="primary"
      icon={<LogIn aria-hidden />}
      onClick={() => window.open(signInUrl(issuer, "/signed-in"), "_blank")}
    >
      Sign in with {issuer}
    </Button>
  ));
}
