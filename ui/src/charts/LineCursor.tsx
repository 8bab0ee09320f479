import { ownerOf } from "~/charts/curve";
import styles from "~/charts/LineChart.module.css";
import type { Layout, LineView } from "~/charts/lineLayout";
import { readingsAt, readingText } from "~/charts/reading";

interface UprightProperties {
  readonly layout: Layout;
  readonly from: number;
  /** Where there is another, it is an area. */
  readonly to?: number;
}

/** A line from the top to the bottom of a chart. */
export function Upright({ layout: { plot }, from, to }: UprightProperties) {
  return (
    <div
      className={to === undefined ? styles.cursor : styles.drag}
      style={{
        left: from,
        top: plot.top,
        height: plot.bottom - plot.top,
        ...(to === undefined ? {} : { width: to - from }),
      }}
    />
  );
}

interface ElsewhereProperties {
  readonly cursor: number;
  readonly lit: string | null;
  readonly view: LineView;
  readonly layout: Layout;
  readonly width: number;
}

/** Where somebody points in another chart, and what the line has here that they point at. */
export function Elsewhere({ cursor, lit, view, layout, width }: ElsewhereProperties) {
  const told = view.series.length === 1 ? view.series : view.series.filter((each) => ownerOf(each) === lit);
  const [reading] = readingsAt({ ...view, series: told }, layout, cursor, null);
  return (
    <>
      <Upright layout={layout} from={layout.x.at(cursor)} />
      {reading !== undefined && (
        <span className={styles.value} style={{ ...beside(reading.at.x, width), top: layout.plot.top }}>
          {readingText(reading, view, layout)}
        </span>
      )}
    </>
  );
}

/** To the side of a place where there is more room. */
const beside = (x: number, width: number): { readonly left: number } | { readonly right: number } =>
  x > width / 2 ? { right: width - x + 4 } : { left: x + 4 };
