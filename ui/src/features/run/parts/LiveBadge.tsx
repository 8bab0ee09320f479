import { useEffect, useState } from "react";

import type { WatchState } from "~/api/watch";
import styles from "~/features/run/parts/LiveBadge.module.css";
import { duration } from "~/shared/format/times";

const TICK_MS = 1000;

/** Whether what is shown is what the run has by now. */
export function LiveBadge({ watch }: { readonly watch: WatchState }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  if (watch.is === "connecting") return <span className={styles.badge}>connecting …</span>;
  if (watch.is === "paused") return <span className={styles.badge}>paused</span>;
  if (watch.is === "away") {
    return (
      <span className={`${styles.badge} ${styles.away}`} title={watch.failure.message} role="status">
        <span className={styles.dot} /> server away, retrying
      </span>
    );
  }
  const silent = Math.max(0, Math.floor((now - watch.heard) / TICK_MS) * TICK_MS);
  return (
    <span className={styles.badge} title="When the server last said how the run is">
      <span className={styles.dot} /> live · {silent === 0 ? "now" : `${duration(silent).replace(".0", "")} ago`}
    </span>
  );
}
