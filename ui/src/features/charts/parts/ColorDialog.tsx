import { Check } from "lucide-react";

import { chooseColor } from "~/charts/chosenColors";
import { COLORS, ownColorOf } from "~/charts/colors";
import type { ShownRun } from "~/features/charts/panel";
import styles from "~/features/charts/parts/ColorDialog.module.css";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";

interface Properties {
  /** The run whose colour is chosen; null while none is. */
  readonly run: ShownRun | null;
  readonly onClose: () => void;
}

/** Chooses the colour that a run has on all pages, in this browser. */
export function ColorDialog({ run, onClose }: Properties) {
  const choose = (color: string | null): void => {
    if (run !== null) chooseColor(run.id, color);
    onClose();
  };
  return (
    <Dialog title={`Colour of ${run?.displayName ?? ""}`} isOpen={run !== null} onClose={onClose}>
      <div className={styles.colors}>
        {COLORS.map((color, place) => (
          <button
            key={color}
            type="button"
            className={styles.color}
            style={{ background: color }}
            aria-label={`Colour ${place + 1} of ${COLORS.length}`}
            aria-pressed={color === run?.color}
            onClick={() => choose(color)}
          >
            {color === run?.color && <Check aria-hidden />}
          </button>
        ))}
      </div>
      <p className={styles.note}>
        Kept in this browser, for all pages. Where lines share a colour, their dashes differ.
      </p>
      <DialogActions>
        <Button disabled={run === null || run.color === ownColorOf(run.id)} onClick={() => choose(null)}>
          As at first
        </Button>
      </DialogActions>
    </Dialog>
  );
}
