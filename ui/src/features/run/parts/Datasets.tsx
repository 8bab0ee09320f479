import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import styles from "~/features/run/parts/Overview.module.css";
import { Section } from "~/shared/components/Section";

const CONTEXT = "mlflow.data.context";

/** The datasets that went into a run. */
export function Datasets({ run }: { readonly run: Run }) {
  const datasets = run.inputs?.datasets ?? [];
  if (datasets.length === 0) return null;
  return (
    <Section title="Datasets">
      <ul className={styles.list} aria-label="Datasets">
        {datasets.map(({ dataset, tags }) => (
          <li
            key={`${dataset?.name} ${dataset?.digest}`}
            className={styles.item}
            title={[dataset?.sourceType, dataset?.source, dataset?.profile].filter(Boolean).join("\n")}
          >
            <span>{dataset?.name}</span>
            <span className={styles.mono}>{dataset?.digest}</span>
            {tags[CONTEXT] !== undefined && <span className={styles.soft}>{tags[CONTEXT]}</span>}
          </li>
        ))}
      </ul>
    </Section>
  );
}
