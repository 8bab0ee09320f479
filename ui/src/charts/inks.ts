import { useSyncExternalStore } from "react";

import styles from "~/charts/inks.module.css";

/** What charts are drawn in: the colours of the theme that is shown. */
export interface Inks {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly strong: string;
  readonly ground: string;
  readonly accent: string;
  readonly font: string;
}

let now: Inks | null = null;

/** The inks; whoever uses them draws again when the theme changes. */
export function useInks(): Inks {
  return useSyncExternalStore(onTheme, () => (now ??= read()));
}

function onTheme(changed: () => void): () => void {
  const again = (): void => {
    now = null;
    changed();
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", again);
  const chosen = new MutationObserver(again);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", again);
    chosen.disconnect();
  };
}

/** Custom properties are read as they are written, so elements that use them say what they mean. */
function read(): Inks {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const color = (name: string | undefined): string => {
    probe.className = name ?? "";
    return getComputedStyle(probe).color;
  };
  const inks = {
    soft: color(styles.soft),
    line: color(styles.line),
    strong: color(styles.strong),
    ground: color(styles.ground),
    accent: color(styles.accent),
    text: color(styles.text),
    font: getComputedStyle(probe).fontFamily,
  };
  probe.remove();
  return inks;
}
