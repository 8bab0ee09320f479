import { useSyncExternalStore } from "react";

/** Colours by the ids of runs. */
export type ChosenColors = ReadonlyMap<string, string>;

const KEPT = "trivet.colors";
/** The oldest choices give way. */
const MOST = 1000;
const NONE: ChosenColors = new Map();

const listeners = new Set<() => void>();
let now: ChosenColors | null = null;

/** The colours that this person chose for runs, kept in the browser; the same object until one is chosen. */
export const chosenColors = (): ChosenColors => (now ??= kept());

/** The chosen colours; whoever uses them is drawn again when one is chosen, also in another window. */
export const useChosenColors = (): ChosenColors => useSyncExternalStore(listen, chosenColors);

/** Chooses the colour of a run; null for that which it has by itself. */
export function chooseColor(runId: string, color: string | null): void {
  const others = [...chosenColors()].filter(([id]) => id !== runId);
  const next = color === null ? others : [...others, [runId, color] as const];
  now = new Map(next.slice(-MOST));
  localStorage.setItem(KEPT, JSON.stringify([...now]));
  for (const tell of listeners) tell();
}

function listen(tell: () => void): () => void {
  const onStorage = (event: StorageEvent): void => {
    if (event.key !== KEPT) return;
    now = null;
    tell();
  };
  listeners.add(tell);
  window.addEventListener("storage", onStorage);
  return () => {
    listeners.delete(tell);
    window.removeEventListener("storage", onStorage);
  };
}

function kept(): ChosenColors {
  if (typeof localStorage === "undefined") return NONE;
  try {
    const pairs: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(pairs) ? new Map(pairs.flatMap(pairIn)) : NONE;
  } catch {
    // Somebody else wrote it.
    return NONE;
  }
}

function pairIn(raw: unknown): [string, string][] {
  if (!Array.isArray(raw)) return [];
  const [id, color]: unknown[] = raw;
  return typeof id === "string" && typeof color === "string" && /^#[0-9a-f]{6}$/.test(color) ? [[id, color]] : [];
}
