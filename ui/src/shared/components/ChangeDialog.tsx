import type { ReactNode } from "react";
import { useState } from "react";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import { Button } from "~/shared/components/Button";
import styles from "~/shared/components/ChangeDialog.module.css";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Problem } from "~/shared/components/Problem";

interface Properties {
  readonly title: string;
  /** What the button says that does it. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Whether it cannot be done as things stand, or as the form is filled in. */
  readonly isBlocked?: boolean;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** Does it. Where that fails, the dialog stays open, says why, and keeps what was typed. */
  readonly onConfirm: () => Promise<unknown>;
  /** What will happen, and what is asked for it. */
  readonly children: ReactNode;
}

/** Asks before something is changed, and does it. */
export function ChangeDialog(properties: Properties) {
  return (
    <Dialog title={properties.title} isOpen={properties.isOpen} onClose={properties.onClose}>
      <ChangeForm {...properties} />
    </Dialog>
  );
}

function ChangeForm({ action, isDangerous = false, isBlocked = false, onClose, onConfirm, children }: Properties) {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setFailure(failureOf(error));
      setBusy(false);
    }
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBlocked && !isBusy) void confirm();
      }}
    >
      {children}
      {failure !== null && <Problem failure={failure} />}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={isDangerous ? "danger" : "primary"} disabled={isBlocked || isBusy}>
          {action}
        </Button>
      </DialogActions>
    </form>
  );
}
