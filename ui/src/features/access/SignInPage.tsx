import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { failureOf } from "~/api/errors";
import { readSession } from "~/api/session";
import { Problem } from "~/shared/components/Problem";
import { SignInChoice } from "~/shared/session/SignInChoice";

const route = getRouteApi("/sign-in");

/** Why somebody is here, by the word in the URL. */
const PROBLEMS: Readonly<Record<string, string>> = {
  attempt: "This attempt to sign in was begun elsewhere, or too long ago. Try again.",
  denied: "The provider did not let you in. Try again, or ask whoever runs it.",
  refused: "The provider's answer is not believed. Try again; if it lasts, ask whoever runs this server.",
  away: "The provider does not answer. Try again in a moment.",
  issuer: "Choose whom to sign in with.",
  address: "Nobody can sign in by this address. Ask whoever runs this server for its name.",
  large: "The provider's tokens are too large for a browser to keep. Ask whoever runs this server.",
  out: "You are signed out.",
};

/** Lets people sign in, and says why they are not. */
export function SignInPage() {
  const { problem = "", return: path = "/" } = route.useSearch();
  const session = useQuery({ queryKey: ["session"], queryFn: ({ signal }) => readSession(signal) });
  if (session.error !== null) {
    return (
      <main>
        <Problem failure={failureOf(session.error)} onRetry={() => void session.refetch()} />
      </main>
    );
  }
  const issuers = session.data?.issuers ?? [];
  return (
    <main>
      <SignInChoice issuers={issuers} returnPath={path} title="Sign in to Trivet">
        <p role="status">{PROBLEMS[problem] ?? ""}</p>
        {session.data !== undefined && issuers.length === 0 && <p>This server signs nobody in.</p>}
      </SignInChoice>
    </main>
  );
}
