import { Plus, RotateCcw } from "lucide-react";
import type { ReactNode } from "react";

import { OverSelect, Smoothing } from "~/charts/LineControls";
import type { ChartsSearch } from "~/features/charts/search";
import styles from "~/features/charts/parts/Controls.module.css";
import { Button } from "~/shared/components/Button";
import { SearchBox } from "~/shared/components/SearchBox";
import { count } from "~/shared/format/numbers";

interface Properties {
  readonly search: ChartsSearch;
  readonly go: (change: Partial<ChartsSearch>, isStep?: boolean) => void;
  /** How many panels were taken away that are there by themselves. */
  readonly removed: number;
  readonly onRestore: () => void;
  readonly onAdd: () => void;
  /** What else can be done. */
  readonly children: ReactNode;
}

/** How all panels are drawn, and which are shown. */
export function Controls({ search, go, removed, onRestore, onAdd, children }: Properties) {
  return (
    <div className={styles.controls}>
      <SearchBox
        label="Search panels"
        text={search.find ?? ""}
        onText={(find) => go({ find: find === "" ? undefined : find }, false)}
      />
      <OverSelect axis={search.x} onAxis={(x) => go({ x, zoom: undefined })} />
      <Smoothing smoothing={search.smooth} onSmoothing={(smooth) => go({ smooth }, false)} />
      <label className={styles.control} title="The highest and the lowest 2 % of the values may lie beyond the panels">
        <input
          type="checkbox"
          checked={search.clip === true}
          onChange={(event) => go({ clip: event.target.checked ? true : undefined })}
        />
        no outliers
      </label>
      {search.zoom !== undefined && <Button onClick={() => go({ zoom: undefined })}>Reset zoom</Button>}
      <Button icon={<Plus />} onClick={onAdd}>
        Add a panel
      </Button>
      {removed > 0 && (
        <Button kind="quiet" icon={<RotateCcw />} onClick={onRestore}>
          Show {count(removed)} removed
        </Button>
      )}
      {children}
    </div>
  );
}
