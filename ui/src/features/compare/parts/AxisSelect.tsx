import { canBeLog } from "~/charts/axis";
import type { Dimension } from "~/charts/dimension";
import type { DimensionGroup } from "~/features/compare/dimensions";
import styles from "~/charts/controls.module.css";

interface Properties {
  readonly label: string;
  readonly groups: readonly DimensionGroup[];
  /** The axis that is chosen; null for none. */
  readonly chosen: Dimension | null;
  /** Told the id of another axis, or of what else there is to choose. */
  readonly onChoose: (id: string) => void;
  /** Other things to choose, by their ids, and which of them is chosen. */
  readonly others?: Readonly<Record<string, string>>;
  readonly other?: string;
  /** Whether the axis is one of powers. Without this, that cannot be chosen. */
  readonly isLog?: boolean;
  readonly onLog?: (isLog: boolean) => void;
}

/** Chooses what an axis shows, and its scale. */
export function AxisSelect({ label, groups, chosen, onChoose, others, other, isLog = false, onLog }: Properties) {
  return (
    <span className={styles.control}>
      <label>
        <span className={styles.label}>{label}</span>
        <select value={chosen?.id ?? other ?? ""} onChange={(event) => onChoose(event.target.value)}>
          {Object.entries(others ?? {}).map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          {groups
            .filter((group) => group.dimensions.length > 0)
            .map((group) => (
              <optgroup key={group.title} label={group.title}>
                {group.dimensions.map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.label}
                  </option>
                ))}
              </optgroup>
            ))}
        </select>
      </label>
      {onLog !== undefined && chosen !== null && canBeLog(chosen) && (
        <button
          type="button"
          className={styles.toggle}
          aria-pressed={isLog}
          aria-label={`${label}, log`}
          onClick={() => onLog(!isLog)}
        >
          log
        </button>
      )}
    </span>
  );
}
