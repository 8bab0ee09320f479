import { Ellipsis, FileDown, Image, Maximize, Shapes } from "lucide-react";
import { lazy, Suspense, useMemo, useRef } from "react";

import { failureOf } from "~/api/errors";
import type { Range } from "~/charts/curve";
import { wholeRange } from "~/charts/curve";
import { useInks } from "~/charts/inks";
import { lineFoot } from "~/charts/lineFoot";
import type { LineView } from "~/charts/lineLayout";
import type { Charting } from "~/features/run/charting";
import { saveHistory } from "~/features/run/history";
import type { RunMetric } from "~/features/run/metrics";
import styles from "~/features/run/parts/Charts.module.css";
import { useSeries } from "~/features/run/parts/useSeries";
import { IconButton } from "~/shared/components/Button";
import { Menu } from "~/shared/components/Menu";
import { Num } from "~/shared/components/Num";
import { Problem } from "~/shared/components/Problem";
import { notifyFailure } from "~/shared/components/toasts";
import { fileName, save } from "~/shared/save";

const LineChart = lazy(() => import("~/charts/LineChart").then((module) => ({ default: module.LineChart })));

interface Properties {
  readonly workspace: string;
  readonly run: string;
  /** What the chart is called. */
  readonly title: string;
  readonly metrics: readonly RunMetric[];
  readonly charting: Charting;
  /** At most so many buckets a line. */
  readonly buckets: number;
  readonly onZoom: (zoom: Range | undefined) => void;
  /** Shows this chart alone; without it, it is alone. */
  readonly onOpen?: () => void;
}

/** A chart of metrics of a run, with its title and what can be done with it. */
export function ChartCard({ workspace, run, title, metrics, charting, buckets, onZoom, onOpen }: Properties) {
  const card = useRef<HTMLElement>(null);
  const drawn = useSeries(workspace, run, metrics, charting, buckets);
  const { series } = drawn;
  const { axis, smoothing, isLog, ignoresOutliers, showsPoints, zoom } = charting;
  const view = useMemo<LineView>(
    () => ({ series, axis, smoothing, isLog, ignoresOutliers, showsPoints, zoom }),
    [series, axis, smoothing, isLog, ignoresOutliers, showsPoints, zoom],
  );
  const [only] = metrics.length === 1 ? metrics : [];
  return (
    <figure ref={card} className={styles.card} aria-label={title}>
      <figcaption className={styles.head}>
        <span className={styles.title}>
          {onOpen === undefined ? (
            <strong>{title}</strong>
          ) : (
            <button type="button" className={styles.open} title={`Only ${title}`} onClick={onOpen}>
              {title}
            </button>
          )}
        </span>
        {only !== undefined && (
          <span className={styles.latest}>
            <Num value={only.whole.value} />
          </span>
        )}
        <ChartMenu card={card} title={title} view={view} workspace={workspace} run={run} metrics={metrics} />
      </figcaption>
      {drawn.failure !== null && series.length === 0 ? (
        <Problem failure={drawn.failure} onRetry={drawn.retry} />
      ) : (
        <div className={`${styles.place} ${drawn.isStale ? styles.stale : ""}`} data-drawn={!drawn.isPending}>
          {!drawn.isPending && (
            <Suspense>
              <LineChart
                label={title}
                view={view}
                onZoom={(range) => onZoom(range === null ? undefined : wholeRange(range))}
              />
            </Suspense>
          )}
        </div>
      )}
      <p className={styles.foot}>{drawn.isPending ? "" : lineFoot(view)}</p>
      {series.length > 1 && (
        <ul className={styles.legend} aria-label="Lines">
          {series.map((each) => (
            <li key={each.id} className={styles.entry}>
              <span className={styles.swatch} style={{ background: each.color }} />
              {each.label}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

interface MenuProperties extends Pick<Properties, "workspace" | "run" | "title" | "metrics"> {
  readonly card: React.RefObject<HTMLElement | null>;
  readonly view: LineView;
}

function ChartMenu({ card, title, view, workspace, run, metrics }: MenuProperties) {
  const inks = useInks();
  const name = fileName(title);
  const attempt = (work: () => Promise<void>): void =>
    void work().catch((error: unknown) => notifyFailure(`${title} was not saved`, failureOf(error)));
  const size = () => {
    const { clientWidth: width = 0, clientHeight: height = 0 } = card.current?.querySelector("[role=slider]") ?? {};
    return { width, height };
  };
  return (
    <Menu
      trigger={<IconButton label={`Actions for the chart ${title}`} icon={<Ellipsis />} />}
      items={[
        {
          id: "full",
          label: "Full screen",
          icon: <Maximize />,
          onChoose: () => attempt(async () => card.current?.requestFullscreen()),
        },
        {
          id: "png",
          label: "Save as PNG",
          icon: <Image />,
          onChoose: () =>
            attempt(async () => {
              const { lineChartPng } = await import("~/charts/lineFiles");
              save(await lineChartPng(view, size(), inks), `${name}.png`);
            }),
        },
        {
          id: "svg",
          label: "Save as SVG",
          icon: <Shapes />,
          onChoose: () =>
            attempt(async () => {
              const { lineChartSvg } = await import("~/charts/lineFiles");
              save(new Blob([lineChartSvg(view, size(), inks)], { type: "image/svg+xml" }), `${name}.svg`);
            }),
        },
        {
          id: "csv",
          label: "All points as CSV",
          icon: <FileDown />,
          onChoose: () => attempt(() => saveHistory(workspace, run, metrics, `${name}.csv`)),
        },
      ]}
    />
  );
}
