import type { ReactNode, Ref } from "react";

import styles from "~/features/run/parts/Charts.module.css";
import type { RunSearch } from "~/features/run/search";
import { MOST_SMOOTHING, X_AXES } from "~/features/run/search";
import { Button } from "~/shared/components/Button";
import { SearchBox } from "~/shared/components/SearchBox";

interface Properties {
  readonly search: RunSearch;
  readonly go: (change: RunSearch, isTyped?: boolean) => void;
  /** Of the system, metrics have seconds for steps. */
  readonly isOfSystem: boolean;
  readonly hasSearch: boolean;
  readonly boxRef?: Ref<HTMLInputElement>;
  readonly children?: ReactNode;
}

const FORMULA =
  "Debiased exponential moving average of the values shown: (1 − w) · Σ wⁿ⁻ᵏ vₖ / (1 − wⁿ). Of a bucket, the middle between min and max counts.";

/** How charts are drawn. */
export function ChartControls({ search, go, isOfSystem, hasSearch, boxRef, children }: Properties) {
  const toggle = (field: "log" | "clip" | "points", label: string, title: string): ReactNode => (
    <label className={styles.control} title={title}>
      <input
        type="checkbox"
        checked={search[field] === true}
        onChange={(event) => go({ [field]: event.target.checked ? true : undefined })}
      />
      {label}
    </label>
  );
  return (
    <div className={styles.controls}>
      {hasSearch && (
        <SearchBox
          label="Search metrics"
          text={search.q ?? ""}
          onText={(q) => go({ q: q === "" ? undefined : q }, true)}
          {...(boxRef === undefined ? {} : { boxRef })}
        />
      )}
      <label className={styles.control}>
        <span className={styles.soft}>x axis</span>
        <select
          value={search.x ?? "step"}
          onChange={(event) => go({ x: X_AXES.find((each) => each === event.target.value), zoom: undefined })}
        >
          <option value="step">{isOfSystem ? "seconds" : "step"}</option>
          <option value="relative">since the start</option>
          <option value="time">time</option>
        </select>
      </label>
      <label className={styles.control} title={FORMULA}>
        <span className={styles.soft}>smoothing</span>
        <input
          type="range"
          min={0}
          max={MOST_SMOOTHING}
          step={0.001}
          value={search.smooth ?? 0}
          aria-valuetext={`${search.smooth ?? 0}`}
          onChange={(event) => {
            const smooth = Number(event.target.value);
            go({ smooth: smooth === 0 ? undefined : smooth }, true);
          }}
        />
        <output>{search.smooth ?? "none"}</output>
      </label>
      {toggle("log", "log", "Values on an axis of powers; those at 0 and below are left out")}
      {toggle("clip", "no outliers", "The highest and the lowest 2 % of the values may lie beyond the chart")}
      {toggle("points", "points", "A dot for each value, where there is room for them")}
      {search.zoom !== undefined && <Button onClick={() => go({ zoom: undefined })}>Reset zoom</Button>}
      {children}
    </div>
  );
}
