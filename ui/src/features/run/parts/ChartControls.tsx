import type { ReactNode, Ref } from "react";

import { OverSelect, Smoothing } from "~/charts/LineControls";
import styles from "~/features/run/parts/Charts.module.css";
import type { RunSearch } from "~/features/run/search";
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
      <OverSelect axis={search.x} steps={isOfSystem ? "seconds" : "step"} onAxis={(x) => go({ x, zoom: undefined })} />
      <Smoothing smoothing={search.smooth} onSmoothing={(smooth) => go({ smooth }, true)} />
      {toggle("log", "log", "Values on an axis of powers; those at 0 and below are left out")}
      {toggle("clip", "no outliers", "The highest and the lowest 2 % of the values may lie beyond the chart")}
      {toggle("points", "points", "A dot for each value, where there is room for them")}
      {search.zoom !== undefined && <Button onClick={() => go({ zoom: undefined })}>Reset zoom</Button>}
      {children}
    </div>
  );
}
