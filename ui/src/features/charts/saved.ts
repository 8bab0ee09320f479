import type { ChartsSearch } from "~/features/charts/search";
import { chartsSearch } from "~/features/charts/search";

/** What of the URL is saved under a name. The rest is what somebody looks at for a moment. */
const KEPT = [
  ...(["filter", "view", "status", "since", "dataset"] as const),
  ...(["most", "group", "none", "turned"] as const),
  ...(["x", "smooth", "clip", "panels", "folded"] as const),
] as const satisfies readonly (keyof ChartsSearch)[];

type Kept = Pick<ChartsSearch, (typeof KEPT)[number]>;

const NOTHING: Kept = Object.fromEntries(KEPT.map((key) => [key, undefined]));

/** What is saved of a page, with undefined for what is as at first. */
const keptOf = (search: ChartsSearch): Kept => Object.fromEntries(KEPT.map((key) => [key, search[key]]));

/** The text that is saved of a page. */
export const stateOf = (search: ChartsSearch): string => JSON.stringify({ charts: keptOf(search) });

/** What was saved; null where it is not of a page of charts. */
export function savedIn(state: string): ChartsSearch | null {
  try {
    const raw: unknown = JSON.parse(state);
    if (typeof raw !== "object" || raw === null || !("charts" in raw)) return null;
    const { charts } = raw;
    return typeof charts === "object" && charts !== null ? keptOf(chartsSearch({ ...charts })) : null;
  } catch {
    // Another program wrote it.
    return null;
  }
}

/** What the page shows: the view that the URL names, unless the URL has all of it that was changed since. */
export const shownBy = (search: ChartsSearch, saved: ChartsSearch | null): ChartsSearch =>
  saved === null || search.saved === undefined || search.edited === true ? search : { ...search, ...saved };

/** A change as one of the URL: with the first that concerns a view, all of the view comes into the URL. */
export function asUrl(
  search: ChartsSearch,
  saved: ChartsSearch | null,
  change: Partial<ChartsSearch>,
): Partial<ChartsSearch> {
  const isOfView = KEPT.some((key) => key in change);
  if (!isOfView || search.saved === undefined) return change;
  // A view that could not be read is not what is changed: saved under its name, all else of it would be lost.
  if (saved === null && search.edited !== true) return { ...change, saved: undefined };
  return { ...keptOf(shownBy(search, saved)), ...change, edited: true };
}

/** The URL of a view as it was saved. */
export const ofView = (id: string | undefined): Partial<ChartsSearch> => ({
  ...NOTHING,
  saved: id,
  edited: undefined,
  selected: undefined,
  panel: undefined,
  zoom: undefined,
});

/** The URL of what is shown, without the view that it came from. */
export const withoutView = (shown: ChartsSearch): Partial<ChartsSearch> => ({
  ...keptOf(shown),
  saved: undefined,
  edited: undefined,
});

/** Whether what is shown is not what was saved. */
export const isOther = (shown: ChartsSearch, saved: ChartsSearch): boolean => stateOf(shown) !== stateOf(saved);
