import { ArrowLeft, Plus, X } from "lucide-react";
import { useMemo, useState } from "react";

import type { Charting } from "~/features/run/charting";
import type { RunMetric } from "~/features/run/metrics";
import { ChartCard } from "~/features/run/parts/ChartCard";
import styles from "~/features/run/parts/Charts.module.css";
import { MetricDialog } from "~/features/run/parts/MetricDialog";
import type { RunSearch } from "~/features/run/search";
import { Button, IconButton } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";

interface Properties {
  readonly workspace: string;
  readonly run: string;
  readonly metrics: readonly RunMetric[];
  /** The keys that are drawn in it. */
  readonly chosen: readonly string[];
  readonly charting: Charting;
  readonly go: (change: RunSearch, isTyped?: boolean) => void;
}

/** About one for a pixel of a large screen; half as many where there are so many lines that each is one of a crowd. */
const BUCKETS = 2000;
const CROWD = 10;

/** One large chart, of one metric or of several. */
export function OneChart({ workspace, run, metrics, chosen, charting, go }: Properties) {
  const [isAdding, setAdding] = useState(false);
  const shown = useMemo(() => metrics.filter(({ key }) => chosen.includes(key)), [metrics, chosen]);
  const missing = chosen.filter((key) => !metrics.some((metric) => metric.key === key));
  return (
    <div className={styles.big}>
      <div className={styles.chips}>
        <Button icon={<ArrowLeft />} onClick={() => go({ metric: undefined, zoom: undefined })}>
          All charts
        </Button>
        {chosen.map((key) => (
          <span key={key} className={styles.chip}>
            {key}
            <IconButton
              label={`Take ${key} out of the chart`}
              icon={<X />}
              disabled={chosen.length === 1}
              onClick={() => go({ metric: chosen.filter((each) => each !== key) })}
            />
          </span>
        ))}
        <Button icon={<Plus />} onClick={() => setAdding(true)}>
          Add a metric
        </Button>
      </div>
      {missing.length > 0 && <p className={styles.soft}>The run has no metric {missing.join(", ")}.</p>}
      {shown.length === 0 ? (
        <Empty title="Nothing to draw" />
      ) : (
        <ChartCard
          workspace={workspace}
          run={run}
          title={shown.map(({ key }) => key).join(", ")}
          metrics={shown}
          charting={charting}
          buckets={shown.length > CROWD ? BUCKETS / 2 : BUCKETS}
          onZoom={(zoom) => go({ zoom })}
        />
      )}
      <MetricDialog
        metrics={metrics.filter(({ key }) => !chosen.includes(key))}
        isOpen={isAdding}
        onClose={() => setAdding(false)}
        onChoose={(key) => {
          go({ metric: [...chosen, key] });
          setAdding(false);
        }}
      />
    </div>
  );
}
