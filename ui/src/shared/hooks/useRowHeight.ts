import { useSyncExternalStore } from "react";

/** How high a row is, in pixels, as the person has chosen. */
export const useRowHeight = (): number => useSyncExternalStore(onAppearance, rowHeight);

const rowHeight = (): number =>
  Number.parseInt(getComputedStyle(document.documentElement).getPropertyValue("--row"), 10);

function onAppearance(tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, { attributeFilter: ["data-density"] });
  return () => observer.disconnect();
}
