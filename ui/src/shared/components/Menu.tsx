import { Menu as Ark } from "@ark-ui/react/menu";
import { Portal } from "@ark-ui/react/portal";
import type { ReactElement, ReactNode } from "react";

import styles from "~/shared/components/Menu.module.css";

/** Something to choose. */
export interface MenuItem {
  readonly id: string;
  readonly label: ReactNode;
  readonly icon?: ReactNode;
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
  readonly onChoose: () => void;
}

interface Properties {
  /** The button that opens it. */
  readonly trigger: ReactElement;
  readonly items: readonly MenuItem[];
  /** Told when it is opened: for items that have to be read first. */
  readonly onOpen?: () => void;
}

/** A list of things to do, below a button. */
export function Menu({ trigger, items, onOpen }: Properties) {
  const choose = (id: string): void => items.find((item) => item.id === id)?.onChoose();
  return (
    <Ark.Root
      onSelect={(details) => choose(details.value)}
      onOpenChange={({ open }) => {
        if (open) onOpen?.();
      }}
      lazyMount
      unmountOnExit
      positioning={{ placement: "bottom-start" }}
    >
      <Ark.Trigger asChild>{trigger}</Ark.Trigger>
      <Portal>
        <Ark.Positioner className={styles.positioner}>
          <Ark.Content className={styles.content}>
            {items.map((item) => (
              <Ark.Item
                key={item.id}
                value={item.id}
                disabled={item.isDisabled ?? false}
                className={`${styles.item} ${item.isDangerous === true ? styles.dangerous : ""}`}
              >
                {item.icon}
                {item.label}
              </Ark.Item>
            ))}
          </Ark.Content>
        </Ark.Positioner>
      </Portal>
    </Ark.Root>
  );
}
