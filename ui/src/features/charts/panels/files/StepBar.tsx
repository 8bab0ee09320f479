import { useState } from "react";

import styles from "~/features/charts/panels/files/Files.module.css";
import { count } from "~/shared/format/numbers";

interface Properties {
  /** What there is to choose, and which is chosen: keys of series, paths of files. */
  readonly label: string;
  readonly choices: readonly string[];
  readonly chosen: string;
  readonly onChoose: (choice: string) => void;
  /** Rising. Without any, there is nothing to slide along. */
  readonly steps: readonly number[];
  /** Null for the last one, whichever that is. */
  readonly step: number | null;
  /** Told while somebody slides, and at the end, when it is done. */
  readonly onStep: (step: number | null, isDone: boolean) => void;
}

/** Chooses what is shown, and of which step. */
export function StepBar({ label, choices, chosen, onChoose, steps, step, onStep }: Properties) {
  const last = steps.length - 1;
  const place = step === null ? last : steps.findLastIndex((each) => each <= step);
  const [slid, setSlid] = useState<number | null>(null);
  const at = Math.max(0, slid ?? place);
  const stepAt = (index: number): number | null => (index >= last ? null : (steps[index] ?? null));
  const finish = (): void => {
    if (slid === null) return;
    setSlid(null);
    onStep(stepAt(slid), true);
  };
  return (
    <div className={styles.bar}>
      <select aria-label={label} value={chosen} onChange={(event) => onChoose(event.target.value)}>
        {(choices.includes(chosen) ? choices : [chosen, ...choices]).map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      {last > 0 && (
        <label className={styles.step}>
          step
          <input
            type="range"
            min={0}
            max={last}
            value={at}
            aria-valuetext={`step ${steps[at] ?? 0}`}
            onChange={(event) => {
              setSlid(event.target.valueAsNumber);
              onStep(stepAt(event.target.valueAsNumber), false);
            }}
            onPointerUp={finish}
            onKeyUp={finish}
            onBlur={finish}
          />
        </label>
      )}
      {last >= 0 && <output>{last === 0 ? `step ${count(steps[0] ?? 0)}` : count(steps[at] ?? 0)}</output>}
    </div>
  );
}
