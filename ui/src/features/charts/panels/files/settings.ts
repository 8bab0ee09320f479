import { partsIn } from "~/features/charts/panels/settings";
import { textIn } from "~/shared/runs/choice";

/** What a panel of a series of files shows. */
export interface SeriesSettings {
  /** The key of the series; the first one that there is where it is undefined. */
  readonly key?: string | undefined;
  /** The last step, whichever that is, where it is null. */
  readonly step: number | null;
}

export function seriesSettings(raw: unknown): SeriesSettings {
  const { key, step } = partsIn(raw);
  return { key: textIn(key), step: typeof step === "number" && Number.isSafeInteger(step) ? step : null };
}
