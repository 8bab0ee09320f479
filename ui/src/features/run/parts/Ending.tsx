import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import styles from "~/features/run/parts/Overview.module.css";
import { ScrollRegion } from "~/shared/components/ScrollRegion";

/** Why a run ended badly, where its process could say it. */
export function Ending({ run }: { readonly run: Run }) {
  const message = run.tags["trivet.exit.message"] ?? "";
  const traceback = run.tags["trivet.exit.traceback"] ?? "";
  if (message === "" && traceback === "") return null;
  return (
    <section className={styles.failed} aria-label="How the run ended">
      <strong>{message}</strong>
      {traceback !== "" && (
        <ScrollRegion label="Traceback" className={styles.traceback}>
          <pre>{traceback}</pre>
        </ScrollRegion>
      )}
    </section>
  );
}
