import { TriangleAlert } from "lucide-react";

import type { Failure } from "~/api/errors";
import { Button } from "~/shared/components/Button";
import styles from "~/shared/components/Problem.module.css";

interface Properties {
  readonly failure: Failure;
  readonly onRetry?: () => void;
}

/** What went wrong, what to do about it, and what the logs call it. */
export function Problem({ failure, onRetry }: Properties) {
  return (
    <div role="alert" className={styles.problem}>
      <TriangleAlert aria-hidden className={styles.icon} />
      <div className={styles.text}>
        <p className={styles.message}>{failure.message}</p>
        {failure.nextStep !== "" && <p>{failure.nextStep}</p>}
        {failure.requestId !== "" && (
          <p className={styles.id}>
            Request <code>{failure.requestId}</code>
          </p>
        )}
      </div>
      {onRetry !== undefined && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}
