import { Pause, Radio, WifiOff } from "lucide-react";
import { useEffect, useState } from "react";

import type { WatchState } from "~/api/watch";
import { ago } from "~/shared/format/times";
import styles from "~/shared/runs/LiveMark.module.css";

const EVERY_MS = 1000;

/** Whether what is shown is as the runs are by now. */
export function LiveMark({ state }: { readonly state: WatchState }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  switch (state.is) {
    case "live":
      return (
        <span className={`${styles.mark} ${styles.live}`}>
          <Radio aria-hidden /> live · {ago(state.heard, Math.max(now, state.heard))}
        </span>
      );
    case "away":
      return (
        <span className={`${styles.mark} ${styles.away}`} title={state.failure.message}>
          <WifiOff aria-hidden /> server away, retrying
        </span>
      );
    case "paused":
      return (
        <span className={styles.mark}>
          <Pause aria-hidden /> paused
        </span>
      );
    default:
      return <span className={styles.mark}>connecting</span>;
  }
}
