import { useEffect, useEffectEvent, useId } from "react";

/** A key that does something on the page that is shown. */
export interface Shortcut {
  /** As `KeyboardEvent.key` has it: `/`, `j`, `?`. */
  readonly key: string;
  /** What it does: a line of the help. */
  readonly does: string;
  readonly run: () => void;
}

const active = new Map<string, readonly Shortcut[]>();

/** All keys that do something now, for the help. */
export const shortcutsNow = (): Shortcut[] => [...active.values()].flat();

/** Makes keys do something while the component is shown. Where somebody types, or a dialog is open, they are letters. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const id = useId();
  const onKey = useEffectEvent((event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isInDialog()) return;
    const found = shortcuts.find((each) => each.key === event.key);
    if (found === undefined || (event.key === "Enter" && isPressable(event.target))) return;
    event.preventDefault();
    found.run();
  });
  useEffect(() => {
    active.set(id, shortcuts);
  }, [id, shortcuts]);
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => onKey(event);
    document.addEventListener("keydown", listen);
    return () => {
      document.removeEventListener("keydown", listen);
      active.delete(id);
    };
  }, [id]);
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));

/** Whether Enter is for what has the focus. */
const isPressable = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("a, button, summary, [role=menuitem], [role=tab]");

const isInDialog = (): boolean => document.querySelector("[role=dialog][data-state=open]") !== null;
