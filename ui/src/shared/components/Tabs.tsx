import { Tabs as Ark } from "@ark-ui/react/tabs";
import type { ReactNode } from "react";

import styles from "~/shared/components/Tabs.module.css";

/** One of several views of a thing. */
export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: ReactNode;
}

interface Properties<Id extends string> {
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly chosen: Id;
  /** Puts the choice into the URL. */
  readonly onChoose: (id: Id) => void;
  /** The view that is chosen. */
  readonly children: ReactNode;
}

/** Views of a thing, of which one is shown. */
export function Tabs<Id extends string>({ label, tabs, chosen, onChoose, children }: Properties<Id>) {
  const choose = (value: string): void => {
    const tab = tabs.find((each) => each.id === value);
    if (tab !== undefined) onChoose(tab.id);
  };
  return (
    <Ark.Root
      value={chosen}
      onValueChange={(details) => choose(details.value)}
      className={styles.root}
      lazyMount
      unmountOnExit
    >
      <Ark.List className={styles.list} aria-label={label}>
        {tabs.map((tab) => (
          <Ark.Trigger key={tab.id} value={tab.id} className={styles.trigger}>
            {tab.label}
          </Ark.Trigger>
        ))}
      </Ark.List>
      <Ark.Content value={chosen} className={styles.content}>
        {children}
      </Ark.Content>
    </Ark.Root>
  );
}
