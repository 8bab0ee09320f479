import type { KindName } from "~/features/charts/kinds";
import { KIND_NAMES, KINDS } from "~/features/charts/kinds";
import type { PanelChange, PanelChanges } from "~/features/charts/search";

/** A panel of the page. */
export interface Panel {
  readonly id: string;
  readonly kind: KindName;
  readonly title: string;
  readonly size: readonly [number, number];
  /** As the URL has them. */
  readonly settings: unknown;
  /** Whether it is there by itself, for a metric. */
  readonly isOfMetric: boolean;
}

/** Panels under one heading. */
export interface Section {
  readonly name: string;
  readonly panels: readonly Panel[];
}

/** Where panels stand that somebody adds. */
export const ADDED = "Added";
const SYSTEM = "system";
const OF_METRIC = "metric:";
const SMALLEST: readonly [number, number] = [1, 1];

export const idOfMetric = (key: string): string => `${OF_METRIC}${key}`;

/** The id of a panel that is added beside others. */
export function newId(changes: PanelChanges): string {
  for (let number = 1; ; number += 1) if (!(`p${number}` in changes)) return `p${number}`;
}

/** What stands before the first `/` of a key; empty where there is none. */
const prefixOf = (key: string): string => key.slice(0, Math.max(0, key.indexOf("/")));

/**
 * The panels in their sections: one for each metric by itself, under what stands before its first `/`, and those that
 * were added. Added ones come first, the metrics of the system last.
 */
export function sectionsOf(keys: readonly string[], changes: PanelChanges): Section[] {
  const sections = new Map<string, { readonly panel: Panel; readonly place: number | undefined }[]>();
  const put = (name: string, panel: Panel, change: PanelChange): void => {
    const section = sections.get(name) ?? [];
    sections.set(name, section);
    section.push({ panel, place: change.place });
  };
  for (const [id, change] of Object.entries(changes)) {
    const kind = KIND_NAMES.find((each) => each === change.kind);
    if (kind !== undefined && change.isGone !== true && !id.startsWith(OF_METRIC)) {
      put(change.section ?? ADDED, panelOf(id, kind, change.settings, change), change);
    }
  }
  for (const key of keys) {
    const id = idOfMetric(key);
    const change = changes[id] ?? {};
    if (change.isGone === true) continue;
    put(change.section ?? prefixOf(key), panelOf(id, "lines", change.settings ?? { metrics: [key] }, change), change);
  }
  return [...sections]
    .map(([name, panels]) => ({ name, panels: placed(panels) }))
    .toSorted((one, other) => rank(one.name) - rank(other.name) || (one.name < other.name ? -1 : 1));
}

const rank = (section: string): number => (section === ADDED ? 0 : section === SYSTEM ? 2 : 1);

const panelOf = (id: string, kind: KindName, settings: unknown, { size }: PanelChange): Panel => ({
  id,
  kind,
  title: KINDS[kind].title(settings),
  size: size ?? SMALLEST,
  settings,
  isOfMetric: id.startsWith(OF_METRIC),
});

/** Those that were moved stand at their places, the others between them as they were. */
function placed(panels: readonly { readonly panel: Panel; readonly place: number | undefined }[]): Panel[] {
  const result = panels.filter(({ place }) => place === undefined).map(({ panel }) => panel);
  const moved = panels.flatMap(({ panel, place }) => (place === undefined ? [] : [{ panel, place }]));
  for (const { panel, place } of moved.toSorted((one, other) => one.place - other.place)) {
    result.splice(place, 0, panel);
  }
  return result;
}

/** The changes after a panel was moved to a place of a section; places count without the panel. */
export function withMoved(
  sections: readonly Section[],
  changes: PanelChanges,
  id: string,
  target: string,
  place: number,
): PanelChanges {
  const panel = sections.flatMap((section) => section.panels).find((each) => each.id === id);
  if (panel === undefined) return changes;
  const ids = (sections.find((section) => section.name === target)?.panels ?? [])
    .map((each) => each.id)
    .filter((each) => each !== id);
  ids.splice(Math.min(Math.max(place, 0), ids.length), 0, id);
  const next: Record<string, PanelChange> = { ...changes, [id]: { ...changes[id], section: target, place: 0 } };
  // The places of those that were moved before are counted anew.
  for (const [at, each] of ids.entries()) {
    const change = next[each];
    if (change?.place !== undefined) next[each] = { ...change, place: at };
  }
  return next;
}

/** The changes with one more of a panel; what is undefined is as at first again. */
export function withChange(changes: PanelChanges, id: string, change: PanelChange): PanelChanges {
  const all = Object.entries({ ...changes[id], ...change }).filter(([, value]) => value !== undefined);
  return { ...changes, [id]: Object.fromEntries(all) };
}

/** Whether a section is closed: that of the system is at first. */
export const isClosed = (name: string, folded: readonly string[]): boolean =>
  (name === SYSTEM) !== folded.includes(name);
