import type { Kind } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import type { SeriesSettings } from "~/features/charts/panels/files/settings";
import { seriesSettings } from "~/features/charts/panels/files/settings";

/** Histograms that runs logged with a key and a step, such as those of weights. */
export const distributions: Kind<SeriesSettings> = {
  label: "Logged histograms by step",
  parse: seriesSettings,
  title: ({ key }) => key ?? "Logged histograms",
  needs: () => NEEDS_NOTHING,
  load: () => import("~/features/charts/panels/distributions/Panel"),
};
