import { ChevronDown, ChevronRight } from "lucide-react";
import { useLayoutEffect, useMemo, useRef, useState } from "react";

import { useSize } from "~/charts/canvas";
import type { Charting } from "~/features/run/charting";
import type { RunMetric } from "~/features/run/metrics";
import { byPrefix } from "~/features/run/metrics";
import { ChartCard } from "~/features/run/parts/ChartCard";
import styles from "~/features/run/parts/Charts.module.css";
import type { RunSearch } from "~/features/run/search";
import { Empty } from "~/shared/components/Empty";
import { count } from "~/shared/format/numbers";
import { useVirtual } from "~/shared/hooks/useVirtual";

interface Properties {
  readonly workspace: string;
  readonly run: string;
  readonly metrics: readonly RunMetric[];
  /** What keys are to hold. */
  readonly query: string;
  readonly charting: Charting;
  readonly go: (change: RunSearch, isTyped?: boolean) => void;
}

const LEAST_CARD_PIXELS = 340;
const CARD_PIXELS = 240;
const GAP_PIXELS = 12;
const GROUP_PIXELS = 32;
/** About one for a pixel of a card. */
const BUCKETS = 500;

type Row =
  | { readonly is: "group"; readonly prefix: string; readonly size: number }
  | { readonly is: "cards"; readonly metrics: readonly RunMetric[] };

/** A chart for each metric, by what stands before `/`. Those in view are there: there may be thousands. */
export function ChartGrid({ workspace, run, metrics, query, charting, go }: Properties) {
  const scroll = useRef<HTMLDivElement>(null);
  const size = useSize(scroll);
  const columns = Math.max(1, Math.floor(((size?.width ?? 0) + GAP_PIXELS) / (LEAST_CARD_PIXELS + GAP_PIXELS)));
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(metrics, query, closed, columns), [metrics, query, closed, columns]);
  const virtual = useVirtual({
    count: rows.length,
    scroll,
    sizeOf: (place) => (rows[place]?.is === "group" ? GROUP_PIXELS : CARD_PIXELS + GAP_PIXELS),
    beyond: 1,
  });
  const { measure } = virtual;
  // Heights are kept by places, and these change.
  useLayoutEffect(measure, [measure, rows]);
  const toggle = (prefix: string): void =>
    setClosed((now) => new Set(now.has(prefix) ? [...now].filter((each) => each !== prefix) : [...now, prefix]));
  return (
    <div ref={scroll} className={styles.grid}>
      {rows.length === 0 && <Empty title={`No metric holds “${query}”`} />}
      <div className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {size !== null &&
          virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const place = { transform: `translateY(${start}px)` };
            if (row.is === "group") {
              return (
                <div key={`group ${row.prefix}`} className={styles.row} style={place}>
                  <button
                    type="button"
                    className={styles.group}
                    aria-expanded={!closed.has(row.prefix)}
                    onClick={() => toggle(row.prefix)}
                  >
                    {closed.has(row.prefix) ? <ChevronRight aria-hidden /> : <ChevronDown aria-hidden />}
                    {row.prefix === "" ? "without a prefix" : row.prefix}
                    <span className={styles.soft}>{count(row.size)}</span>
                  </button>
                </div>
              );
            }
            return (
              <div
                key={`cards ${row.metrics[0]?.key}`}
                className={styles.row}
                style={{
                  ...place,
                  height: CARD_PIXELS + GAP_PIXELS,
                  gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
                }}
              >
                {row.metrics.map((metric) => (
                  <OneOfMany
                    key={metric.key}
                    workspace={workspace}
                    run={run}
                    metric={metric}
                    charting={charting}
                    go={go}
                  />
                ))}
              </div>
            );
          })}
      </div>
    </div>
  );
}

interface OneProperties extends Omit<Properties, "metrics" | "query"> {
  readonly metric: RunMetric;
}

function OneOfMany({ metric, go, ...common }: OneProperties) {
  const metrics = useMemo(() => [metric], [metric]);
  return (
    <ChartCard
      {...common}
      title={metric.key}
      metrics={metrics}
      buckets={BUCKETS}
      onZoom={(zoom) => go({ zoom })}
      onOpen={() => go({ metric: [metric.key], q: undefined })}
    />
  );
}

function rowsOf(metrics: readonly RunMetric[], query: string, closed: ReadonlySet<string>, columns: number): Row[] {
  const groups = byPrefix(metrics.filter(({ key }) => key.toLowerCase().includes(query.toLowerCase())));
  const rows: Row[] = [];
  for (const [prefix, group] of groups) {
    if (groups.length > 1 || prefix !== "") rows.push({ is: "group", prefix, size: group.length });
    if (closed.has(prefix)) continue;
    for (let place = 0; place < group.length; place += columns) {
      rows.push({ is: "cards", metrics: group.slice(place, place + columns) });
    }
  }
  return rows;
}
