import type { Fact } from "~/charts/run";
import styles from "~/charts/Tip.module.css";
import type { Size } from "~/charts/canvas";

interface Properties {
  /** Where it points to, in the chart. */
  readonly x: number;
  readonly y: number;
  readonly within: Size;
  readonly title: string;
  readonly color: string;
  readonly facts: readonly Fact[];
}

/** Names the run that somebody points at, with what it has. It stays within the chart's sides. */
export function Tip({ x, y, within, title, color, facts }: Properties) {
  const across = x > within.width / 2 ? { right: within.width - x + 14 } : { left: x + 14 };
  const down = y > within.height / 2 ? { bottom: within.height - y + 8 } : { top: y + 8 };
  return (
    <div className={styles.tip} style={{ ...across, ...down }} role="status">
      <p className={styles.title}>
        <span className={styles.dot} style={{ background: color }} />
        {title}
      </p>
      <dl className={styles.facts}>
        {facts.map((fact) => (
          <div key={fact.label}>
            <dt>{fact.label}</dt>
            <dd>{fact.value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
