import { anyKind } from "~/features/charts/anyKind";
import { lines } from "~/features/charts/lines/kind";
import { bars } from "~/features/charts/panels/bars/kind";
import { box } from "~/features/charts/panels/box/kind";
import { contour } from "~/features/charts/panels/contour/kind";
import { distributions } from "~/features/charts/panels/distributions/kind";
import { histogram } from "~/features/charts/panels/histogram/kind";
import { images } from "~/features/charts/panels/images/kind";
import { importance } from "~/features/charts/panels/importance/kind";
import { parallel } from "~/features/charts/panels/parallel/kind";
import { scatter } from "~/features/charts/panels/scatter/kind";
import { tables } from "~/features/charts/panels/tables/kind";

/** The kinds of panels, as they are offered. */
export const KINDS = {
  lines: anyKind(lines),
  bars: anyKind(bars),
  scatter: anyKind(scatter),
  parallel: anyKind(parallel),
  contour: anyKind(contour),
  box: anyKind(box),
  histogram: anyKind(histogram),
  importance: anyKind(importance),
  images: anyKind(images),
  tables: anyKind(tables),
  distributions: anyKind(distributions),
};

export type KindName = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS).filter((each): each is KindName => each in KINDS);
