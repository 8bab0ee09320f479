import { useState } from "react";

import { canBeLog } from "~/charts/axis";
import type { Brush } from "~/charts/brush";
import { placeOf } from "~/charts/brush";
import type { Dimension } from "~/charts/dimension";
import { categoriesOf, extentOf } from "~/charts/dimension";
import styles from "~/charts/controls.module.css";
import { Button } from "~/shared/components/Button";
import { Dialog, DialogActions } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";

interface Properties {
  /** The axis; null while the dialog is closed. */
  readonly dimension: Dimension | null;
  readonly isLog: boolean;
  readonly brush: Brush | undefined;
  readonly onClose: () => void;
  readonly onSave: (isLog: boolean, brush: Brush | undefined) => void;
  readonly onColor: () => void;
  readonly onRemove: () => void;
}

const MOST_LISTED = 300;

/** Sets an axis up: its scale, and which of its runs are brushed. All that a mouse can do, by keys. */
export function AxisDialog(properties: Properties) {
  const { dimension } = properties;
  return (
    <Dialog title={`Axis ${dimension?.label ?? ""}`} isOpen={dimension !== null} onClose={properties.onClose}>
      {dimension !== null && <AxisForm {...properties} dimension={dimension} />}
    </Dialog>
  );
}

interface FormProperties extends Properties {
  readonly dimension: Dimension;
}

function AxisForm({ dimension, isLog, brush, onClose, onSave, onColor, onRemove }: FormProperties) {
  const [log, setLog] = useState(isLog);
  const [low, setLow] = useState(String(brush?.range?.[0] ?? ""));
  const [high, setHigh] = useState(String(brush?.range?.[1] ?? ""));
  const [at, setAt] = useState<readonly (string | null)[]>(brush?.at ?? []);
  const extent = dimension.kind === "number" ? extentOf(dimension.values) : null;
  const range = rangeOf(low, high, extent);
  const save = (): void => {
    if (range === "wrong") return;
    const next: Brush = { ...(range === null ? {} : { range }), ...(at.length === 0 ? {} : { at }) };
    onSave(log, range === null && at.length === 0 ? undefined : next);
    onClose();
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      {canBeLog(dimension) && (
        <label className={styles.check}>
          <input type="checkbox" checked={log} onChange={(event) => setLog(event.target.checked)} />
          Logarithmic
        </label>
      )}
      {extent !== null && (
        <div className={styles.two}>
          <Field
            label="From"
            hint={`The smallest is ${extent[0]}`}
            fault={range === "wrong" ? "Not up to the other number" : ""}
          >
            {(control) => (
              <input
                {...control}
                inputMode="decimal"
                autoFocus
                value={low}
                onChange={(event) => setLow(event.target.value)}
              />
            )}
          </Field>
          <Field label="To" hint={`The largest is ${extent[1]}`}>
            {(control) => (
              <input {...control} inputMode="decimal" value={high} onChange={(event) => setHigh(event.target.value)} />
            )}
          </Field>
        </div>
      )}
      <Choices dimension={dimension} isLog={log} chosen={at} onChoose={setAt} />
      <div className={styles.bar}>
        <Button
          onClick={() => {
            onColor();
            onClose();
          }}
        >
          Colour by this axis
        </Button>
        <Button
          onClick={() => {
            onRemove();
            onClose();
          }}
        >
          Remove the axis
        </Button>
        <Button
          onClick={() => {
            setLow("");
            setHigh("");
            setAt([]);
          }}
        >
          Show all runs
        </Button>
      </div>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" disabled={range === "wrong"}>
          Apply
        </Button>
      </DialogActions>
    </form>
  );
}

interface ChoicesProperties {
  readonly dimension: Dimension;
  readonly isLog: boolean;
  readonly chosen: readonly (string | null)[];
  readonly onChoose: (chosen: readonly (string | null)[]) => void;
}

/** Categories, and places beside the numbers. */
function Choices({ dimension, isLog, chosen, onChoose }: ChoicesProperties) {
  const there: (string | null)[] =
    dimension.kind === "category"
      ? [...categoriesOf(dimension).slice(0, MOST_LISTED), ...(dimension.values.includes(null) ? [null] : [])]
      : [...new Set(dimension.values.map((value) => placeOf(value, isLog)))].filter((place) => place !== undefined);
  if (there.length === 0) return null;
  return (
    <div className={styles.list} role="group" aria-label="Runs to show">
      {there.map((place) => (
        <label key={place ?? "\0"}>
          <input
            type="checkbox"
            checked={chosen.includes(place)}
            onChange={(event) =>
              onChoose(event.target.checked ? [...chosen, place] : chosen.filter((each) => each !== place))
            }
          />
          <span className={styles.grow}>{place === null ? "runs without a value" : place || "(empty)"}</span>
        </label>
      ))}
    </div>
  );
}

/** The interval that was typed; null where none was. */
function rangeOf(
  low: string,
  high: string,
  extent: readonly [number, number] | null,
): readonly [number, number] | null | "wrong" {
  if (extent === null || (low.trim() === "" && high.trim() === "")) return null;
  const from = low.trim() === "" ? extent[0] : Number(low);
  const to = high.trim() === "" ? extent[1] : Number(high);
  return from <= to ? [from, to] : "wrong";
}
