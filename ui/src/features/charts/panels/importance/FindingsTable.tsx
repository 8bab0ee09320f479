import type { Correlation, Finding } from "~/features/charts/panels/importance/analysis";
import styles from "~/features/charts/panels/importance/FindingsTable.module.css";
import { ScrollRegion } from "~/shared/components/ScrollRegion";

interface Properties {
  /** What the metric is called. */
  readonly label: string;
  readonly findings: readonly Finding[];
}

/** Params with their importance and correlation, as numbers and as bars. */
export function FindingsTable({ label, findings }: Properties) {
  const hasImportance = findings.some(({ importance }) => importance !== null);
  return (
    <ScrollRegion label={`Params that tell ${label}`} className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Param</th>
            {hasImportance && (
              <th
                scope="col"
                title="How much of what a random forest knows of the order of the runs it knows by this param. Pale where it is no more than it makes of shuffled params."
              >
                Importance
              </th>
            )}
            <th
              scope="col"
              title="Spearman's rank correlation, and the interval that it is in with a confidence of 95 %. Pale where that holds 0."
            >
              Correlation
            </th>
          </tr>
        </thead>
        <tbody>
          {findings.map((finding) => (
            <tr key={finding.key}>
              <th scope="row" title={finding.key}>
                {finding.key}
              </th>
              {hasImportance && (
                <td>
                  <Share finding={finding} />
                </td>
              )}
              <td>
                {finding.correlation === null ? (
                  <span className={styles.none} title="Too few runs, or categories that have no order">
                    —
                  </span>
                ) : (
                  <Lean correlation={finding.correlation} towards={finding.towards} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

function Share({ finding: { importance, isAboveChance } }: { readonly finding: Finding }) {
  const percent = `${Math.round(100 * (importance ?? 0))} %`;
  return (
    <span className={styles.figure} title={isAboveChance ? percent : `${percent}: no more than chance`}>
      <span className={styles.track}>
        <span
          className={`${styles.bar} ${isAboveChance ? "" : styles.pale}`}
          style={{ width: `${100 * (importance ?? 0)}%` }}
        />
      </span>
      <span className={isAboveChance ? styles.number : styles.none}>{percent}</span>
      {!isAboveChance && <span className="visually-hidden">no more than chance</span>}
    </span>
  );
}

interface LeanProperties {
  readonly correlation: Correlation;
  /** Of two categories, the one that the metric is higher with where the correlation is positive. */
  readonly towards: string | null;
}

function Lean({ correlation: { coefficient, interval, runs }, towards }: LeanProperties) {
  const [low, high] = interval;
  const isSure = low > 0 || high < 0;
  const [from, to] = [Math.min(0, coefficient), Math.max(0, coefficient)].map(percentAt);
  const said = `${signed(coefficient)}, from ${signed(low)} to ${signed(high)}, of ${runs} runs`;
  return (
    <span
      className={styles.figure}
      title={towards === null ? said : `${said}; higher with ${towards} where it is positive`}
    >
      <span className={`${styles.track} ${styles.middle}`}>
        <span
          className={`${styles.bar} ${coefficient < 0 ? styles.falls : styles.rises} ${isSure ? "" : styles.pale}`}
          style={{ left: `${from}%`, width: `${(to ?? 0) - (from ?? 0)}%` }}
        />
        <span
          className={styles.whisker}
          style={{ left: `${percentAt(low)}%`, width: `${percentAt(high) - percentAt(low)}%` }}
        />
      </span>
      <span className={isSure ? styles.number : styles.none}>{signed(coefficient)}</span>
      {!isSure && <span className="visually-hidden">perhaps none</span>}
    </span>
  );
}

/** Where a coefficient is on a track from −1 to 1. */
const percentAt = (coefficient: number): number => 50 + 50 * coefficient;

const signed = (coefficient: number): string => `${coefficient < 0 ? "−" : "+"}${Math.abs(coefficient).toFixed(2)}`;
