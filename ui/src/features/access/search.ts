/** What the URL of the page to sign in says. */
export interface SignInSearch {
  /** Why one is here. */
  readonly problem?: string | undefined;
  /** Where one goes afterwards. */
  readonly return?: string | undefined;
}

export function signInSearch(raw: Record<string, unknown>): SignInSearch {
  const { problem, return: path } = raw;
  return {
    ...(typeof problem === "string" && { problem }),
    ...(typeof path === "string" && { return: path }),
  };
}
