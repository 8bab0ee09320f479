import { Dialog as Ark } from "@ark-ui/react/dialog";
import { Portal } from "@ark-ui/react/portal";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useRef } from "react";

import { IconButton } from "~/shared/components/Button";
import styles from "~/shared/components/Dialog.module.css";

interface Properties {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly width?: "normal" | "wide";
}

/** What people who open a dialog begin with; without it, its first button has the focus. */
const FIRST_TO_TYPE_IN = "input:not([type=checkbox]), textarea, select";

/** A dialog over the page. Esc and a click beside it close it; what is in it is made anew each time that it opens. */
export function Dialog({ title, isOpen, onClose, children, width = "normal" }: Properties) {
  const content = useRef<HTMLDivElement>(null);
  return (
    <Ark.Root
      open={isOpen}
      onOpenChange={(details) => !details.open && onClose()}
      initialFocusEl={() => content.current?.querySelector<HTMLElement>(FIRST_TO_TYPE_IN) ?? null}
      lazyMount
      unmountOnExit
    >
      <Portal>
        <Ark.Backdrop className={styles.backdrop} />
        <Ark.Positioner className={styles.positioner}>
          <Ark.Content ref={content} className={`${styles.content} ${styles[width]}`}>
            <header className={styles.header}>
              <Ark.Title className={styles.title}>{title}</Ark.Title>
              <Ark.CloseTrigger asChild>
                <IconButton label="Close" icon={<X />} />
              </Ark.CloseTrigger>
            </header>
            {children}
          </Ark.Content>
        </Ark.Positioner>
      </Portal>
    </Ark.Root>
  );
}

/** The buttons at the end of a dialog. */
export function DialogActions({ children }: { readonly children: ReactNode }) {
  return <footer className={styles.actions}>{children}</footer>;
}
