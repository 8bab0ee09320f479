import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { onRefusal } from "~/api/refusals";
import { readSession } from "~/api/session";
import { onSessionChange } from "~/shared/session/changes";
import { Store, useStore } from "~/shared/Store";

/** Whether somebody has to sign in for what the page asks. */
export type SignIn =
  | { readonly is: "fine" }
  /** Nobody has signed in since the page was loaded. */
  | { readonly is: "needed"; readonly issuers: readonly string[] }
  /** Somebody was signed in, and the page has what they have typed. */
  | { readonly is: "ended"; readonly issuers: readonly string[] };

const FINE: SignIn = { is: "fine" };
const signIn = new Store<SignIn>(FINE);
/** Whether this page was ever answered as somebody's. */
let wasSignedIn = false;
let isAsking = false;

async function ask(): Promise<void> {
  if (isAsking || signIn.now().is !== "fine") return;
  isAsking = true;
  try {
    const session = await readSession();
    if (session.issuers.length === 0 || session.hasCredentials) return;
    signIn.put({ is: wasSignedIn ? "ended" : "needed", issuers: session.issuers });
  } catch {
    // The server is away: the page says so by itself.
  } finally {
    isAsking = false;
  }
}

/** Notes that the server knows who calls. */
export function noteSignedIn(): void {
  wasSignedIn = true;
}

/** Whether to sign in. For the frame of the pages alone. */
export function useSignIn(): SignIn {
  const client = useQueryClient();
  useEffect(() => onRefusal(() => void ask()), []);
  useEffect(
    () =>
      onSessionChange((change) => {
        if (change === "begun") {
          signIn.put(FINE);
          void client.invalidateQueries();
        } else void client.invalidateQueries({ queryKey: ["server", "caller"] });
      }),
    [client],
  );
  return useStore(signIn);
}
