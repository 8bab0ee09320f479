import styles from "~/charts/LineControls.module.css";
import type { ChosenAxis } from "~/charts/lineSearch";
import { axisIn, MOST_SMOOTHING } from "~/charts/lineSearch";

interface OverProperties {
  /** Steps where it is absent. */
  readonly axis: ChosenAxis | undefined;
  /** What steps are called: of the system, metrics have seconds for them. */
  readonly steps?: string;
  readonly onAxis: (axis: ChosenAxis | undefined) => void;
}

/** Chooses what lines are drawn over. */
export function OverSelect({ axis, steps = "step", onAxis }: OverProperties) {
  return (
    <label className={styles.control}>
      <span className={styles.soft}>x axis</span>
      <select value={axis ?? "step"} onChange={(event) => onAxis(axisIn(event.target.value))}>
        <option value="step">{steps}</option>
        <option value="relative">since the start</option>
        <option value="time">time</option>
      </select>
    </label>
  );
}

interface SmoothingProperties {
  /** None where it is absent. */
  readonly smoothing: number | undefined;
  readonly onSmoothing: (smoothing: number | undefined) => void;
}

const FORMULA =
  "Debiased exponential moving average of the values shown: (1 − w) · Σ wⁿ⁻ᵏ vₖ / (1 − wⁿ). Of a bucket, the middle between min and max counts.";

/** Chooses how much lines are smoothed. */
export function Smoothing({ smoothing, onSmoothing }: SmoothingProperties) {
  return (
    <label className={styles.control} title={FORMULA}>
      <span className={styles.soft}>smoothing</span>
      <input
        type="range"
        min={0}
        max={MOST_SMOOTHING}
        step={0.001}
        value={smoothing ?? 0}
        aria-valuetext={`${smoothing ?? 0}`}
        onChange={(event) => {
          const next = Number(event.target.value);
          onSmoothing(next === 0 ? undefined : next);
        }}
      />
      <output>{smoothing ?? "none"}</output>
    </label>
  );
}
