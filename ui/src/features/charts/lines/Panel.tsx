import { useEffect, useMemo, useRef } from "react";

import type { Size } from "~/charts/canvas";
import { useSize } from "~/charts/canvas";
import { useInks } from "~/charts/inks";
import { LineChart } from "~/charts/LineChart";
import { pictureOfLines } from "~/charts/lineFiles";
import { lineFoot } from "~/charts/lineFoot";
import type { LineView } from "~/charts/lineLayout";
import { wholeX } from "~/charts/lineLayout";
import { lines as kind } from "~/features/charts/lines/kind";
import type { LinesSettings } from "~/features/charts/lines/kind";
import styles from "~/features/charts/lines/Panel.module.css";
import { useLines } from "~/features/charts/lines/useLines";
import { MOST_RUNS } from "~/features/charts/lines/useRanks";
import type { PanelBodyProperties } from "~/features/charts/panel";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";

export { csv } from "~/features/charts/lines/csv";
export { SettingsForm } from "~/features/charts/lines/SettingsForm";

/** Lines of metrics of runs, of groups of runs, or of the processes of runs. */
export function Body(properties: PanelBodyProperties<LinesSettings>) {
  const { runs, settings, look, zoom, onZoom, lit, onLight, cursor, onCursor, onPicture } = properties;
  const place = useRef<HTMLDivElement>(null);
  const size = useSize(place);
  const { series, above, isPending, isCoarse, failure, retry } = useLines({
    ...properties,
    width: size?.width ?? null,
  });
  const { axis, smoothing, ignoresOutliers } = look;
  const { isLog, showsPoints } = settings;
  const view = useMemo<LineView>(
    () => ({ series, axis, smoothing, ignoresOutliers, isLog, showsPoints, zoom }),
    [series, axis, smoothing, ignoresOutliers, isLog, showsPoints, zoom],
  );
  const extent = useMemo(() => wholeX(series), [series]);
  const isDrawn = series.length > 0;
  useTold(view, isDrawn ? size : null, onPicture);
  const ids = useMemo(() => new Set(runs.map((run) => run.id)), [runs]);
  const isCut = runs.length > MOST_RUNS && settings.bands === "ranks";
  // Not with each move of the pointer: it looks at every bucket.
  const foot = useMemo(() => footOf(view, isPending, isCut), [view, isPending, isCut]);
  if (failure !== null && !isDrawn) return <Problem failure={failure} onRetry={retry} />;
  return (
    <div className={styles.panel} data-drawn={!isPending && !isCoarse}>
      <div ref={place} className={`${styles.place} ${isCoarse ? styles.coarse : ""}`}>
        {isPending && !isDrawn && <Skeleton />}
        {isDrawn && (
          <LineChart
            label={kind.title(settings)}
            view={view}
            onZoom={onZoom}
            extent={extent}
            lit={lit}
            // What is of no run, is of a group.
            onLight={(owner) => onLight(owner !== null && ids.has(owner) ? owner : null)}
            above={above}
            cursor={cursor}
            onCursor={onCursor}
          />
        )}
      </div>
      {failure === null ? (
        <p className={styles.foot} title={foot}>
          {foot}
        </p>
      ) : (
        <p className={`${styles.foot} ${styles.warn}`}>Not up to date: {failure.message}</p>
      )}
    </div>
  );
}

function footOf(view: LineView, isPending: boolean, isCut: boolean): string {
  if (isPending) return view.series.length === 0 ? "" : "reading more lines";
  return [isCut ? `ranks of the first ${MOST_RUNS} runs` : "", lineFoot(view)]
    .filter((each) => each !== "")
    .join(" · ");
}

/** Says how the lines are drawn into a file. */
function useTold(view: LineView, size: Size | null, onPicture: PanelBodyProperties<LinesSettings>["onPicture"]): void {
  const inks = useInks();
  useEffect(() => {
    onPicture(size === null ? null : pictureOfLines(view, size, inks));
    return () => onPicture(null);
  }, [view, size, inks, onPicture]);
}
