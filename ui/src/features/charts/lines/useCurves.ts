import { useEffect, useState, useSyncExternalStore } from "react";

import type { CurvesRead, Wanted } from "~/features/charts/lines/CurveReader";
import { CurveReader } from "~/features/charts/lines/CurveReader";

interface Properties extends Omit<Wanted, "buckets"> {
  /** As in `Wanted`; null while nobody knows how much room there is, and nothing is read. */
  readonly buckets: number | null;
}

/** The curves that a panel wants, as far as they have been read; they are kept up while it is there. */
export function useCurves({
  lines,
  axis,
  zoom,
  buckets,
  changes,
}: Properties): CurvesRead & { readonly retry: () => void } {
  const [reader] = useState(() => new CurveReader());
  useEffect(() => {
    if (buckets !== null) reader.want({ lines, axis, zoom, buckets, changes });
  }, [reader, lines, axis, zoom, buckets, changes]);
  useEffect(() => () => reader.end(), [reader]);
  return { ...useSyncExternalStore(reader.subscribe, reader.read), retry: reader.retry };
}
