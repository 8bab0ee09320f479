import type { Kind } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import type { SeriesSettings } from "~/features/charts/panels/files/settings";
import { seriesSettings } from "~/features/charts/panels/files/settings";

/** Pictures that runs logged with a key and a step. */
export const images: Kind<SeriesSettings> = {
  label: "Pictures by step",
  parse: seriesSettings,
  title: ({ key }) => key ?? "Pictures",
  needs: () => NEEDS_NOTHING,
  load: () => import("~/features/charts/panels/images/Panel"),
};
