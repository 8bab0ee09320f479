import styles from "~/charts/LineChart.module.css";
import type { Layout, LineView } from "~/charts/lineLayout";
import type { Reading } from "~/charts/reading";
import { readingText, xText } from "~/charts/reading";

/** So many lines are told of. */
export const MOST_READINGS = 10;

interface Properties {
  readonly readings: readonly Reading[];
  readonly view: LineView;
  readonly layout: Layout;
  /** Where it is, in pixels from the left. */
  readonly at: number;
  readonly width: number;
}

/** What the lines have where somebody points, the nearest first. */
export function LineTip({ readings, view, layout, at, width }: Properties) {
  const [first] = readings;
  if (first === undefined) return null;
  const isNamed = view.series.length > 1;
  const side = at > width / 2 ? { right: width - at + 12 } : { left: at + 12 };
  const rest = readings.length - MOST_READINGS;
  return (
    <div className={styles.tip} style={{ ...side, top: 12 }}>
      {xText(view.axis, first.x)}
      <ul>
        {readings.slice(0, MOST_READINGS).map((reading, place) => (
          <li key={reading.series.id} className={`${styles.row} ${place === 0 && isNamed ? styles.nearest : ""}`}>
            <span className={styles.swatch} style={{ background: reading.series.color }} />
            {isNamed && <span className={styles.label}>{reading.series.label}</span>}
            <span>{readingText(reading, view, layout)}</span>
          </li>
        ))}
      </ul>
      {rest > 0 && <span className={styles.more}>and {rest} more</span>}
    </div>
  );
}
