import styles from "~/charts/controls.module.css";
import { OverSelect, Smoothing } from "~/charts/LineControls";
import type { CompareSearch } from "~/features/compare/search";
import { Button } from "~/shared/components/Button";

interface Properties {
  readonly search: CompareSearch;
  readonly keys: readonly string[];
  /** The metric that is drawn. */
  readonly chosen: string;
  readonly isLog: boolean;
  readonly onLog: (isLog: boolean) => void;
  readonly onChange: (change: Partial<CompareSearch>) => void;
}

/** Chooses which curves are drawn, and how. */
export function CurveControls({ search, keys, chosen, isLog, onLog, onChange }: Properties) {
  return (
    <>
      {search.zoom !== undefined && <Button onClick={() => onChange({ zoom: undefined })}>Reset zoom</Button>}
      <span className={styles.control}>
        <label>
          <span className={styles.label}>Metric</span>
          <select value={chosen} onChange={(event) => onChange({ metric: event.target.value })}>
            {keys.map((key) => (
              <option key={key}>{key}</option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className={styles.toggle}
          aria-pressed={isLog}
          aria-label="Metric, log"
          onClick={() => onLog(!isLog)}
        >
          log
        </button>
      </span>
      <OverSelect axis={search.over} onAxis={(over) => onChange({ over, zoom: undefined })} />
      <Smoothing smoothing={search.smooth} onSmoothing={(smooth) => onChange({ smooth })} />
    </>
  );
}
