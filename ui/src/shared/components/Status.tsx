import type { LucideIcon } from "lucide-react";
import { Ban, CircleCheck, CircleX, Clock, LoaderCircle } from "lucide-react";

import { RunStatus } from "~/api/gen/trivet/tracking/v1/run_pb";
import styles from "~/shared/components/Status.module.css";

const SHOWN = {
  [RunStatus.UNSPECIFIED]: { word: "unknown", tone: "soft", Icon: Clock },
  [RunStatus.RUNNING]: { word: "running", tone: "busy", Icon: LoaderCircle },
  [RunStatus.SCHEDULED]: { word: "scheduled", tone: "soft", Icon: Clock },
  [RunStatus.FINISHED]: { word: "finished", tone: "good", Icon: CircleCheck },
  [RunStatus.FAILED]: { word: "failed", tone: "bad", Icon: CircleX },
  [RunStatus.KILLED]: { word: "killed", tone: "warn", Icon: Ban },
} as const;

/** What a run does: an icon and a word. A run that says it runs, and has not written for long, is stale. */
export function Status({ status, isStale = false }: { readonly status: RunStatus; readonly isStale?: boolean }) {
  const { word, tone, Icon } = SHOWN[status];
  return <StatusWord tone={isStale ? "warn" : tone} Icon={Icon} word={isStale ? `${word}, silent` : word} />;
}

interface StatusWordProperties {
  readonly tone: "good" | "bad" | "warn" | "busy" | "soft";
  readonly Icon: LucideIcon;
  readonly word: string;
}

/** Where something stands: an icon and a word, coloured. */
export function StatusWord({ tone, Icon, word }: StatusWordProperties) {
  return (
    <span className={`${styles.status} ${styles[tone]}`}>
      <Icon aria-hidden />
      {word}
    </span>
  );
}
