/** The filters that were applied last in a workspace, kept in the browser. */

const MOST = 8;
const keyOf = (workspace: string): string => `trivet.filters.${workspace}`;

/** The newest first. */
export function recentFilters(workspace: string): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(workspace)) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function keepFilter(workspace: string, filter: string): void {
  const others = recentFilters(workspace).filter((each) => each !== filter);
  localStorage.setItem(keyOf(workspace), JSON.stringify([filter, ...others].slice(0, MOST)));
}
