import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import styles from "~/features/run/parts/Overview.module.css";
import { RULE_PREFIX } from "~/shared/components/Tags";

/** Which rules the run broke while it was logged, and why. */
export function BrokenRules({ run }: { readonly run: Run }) {
  const broken = Object.entries(run.tags).filter(([key]) => key.startsWith(RULE_PREFIX));
  if (broken.length === 0) return null;
  return (
    <section className={styles.failed} aria-label="Broken rules">
      {broken.map(([key, reason]) => (
        <div key={key}>
          <strong>{key.slice(RULE_PREFIX.length)}</strong>: {reason}
        </div>
      ))}
    </section>
  );
}
