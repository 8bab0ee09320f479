/** What a page may know of the session of its browser, which the gateway keeps. */
export interface Session {
  /** Whom one can sign in with; none where this server has nobody sign in. */
  readonly issuers: readonly string[];
  readonly signedIn: boolean;
  /** Whether something in front of the server says who calls, so that there is no session. */
  readonly hasCredentials: boolean;
}

export async function readSession(signal?: AbortSignal): Promise<Session> {
  const answer = await fetch("/auth/session", { headers: { accept: "application/json" }, ...(signal && { signal }) });
  // What is in front of the server may answer in its place: then this server signs nobody in.
  if (!answer.ok) return { issuers: [], signedIn: false, hasCredentials: false };
  const said: unknown = await answer.json();
  const issuers = valueOf(said, "issuers");
  return {
    issuers: Array.isArray(issuers) ? issuers.map(String) : [],
    signedIn: valueOf(said, "signed_in") === true,
    hasCredentials: valueOf(said, "has_credentials") === true,
  };
}

const valueOf = (said: unknown, name: string): unknown =>
  typeof said === "object" && said !== null ? Reflect.get(said, name) : undefined;

/** Ends the session, here and at the provider. */
export async function endSession(): Promise<void> {
  const answer = await fetch("/auth/sign-out", { method: "POST" });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
}

/** Where somebody signs in; afterwards they are at a path of this server. */
export const signInUrl = (issuer: string, returnPath: string): string =>
  `/auth/sign-in?${new URLSearchParams({ issuer, return: returnPath }).toString()}`;
