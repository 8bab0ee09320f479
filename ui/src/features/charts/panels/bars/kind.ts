import type { Kind } from "~/features/charts/panel";
import { axisIn, labelOf, needsOf } from "~/features/charts/panels/axes";
import { partsIn, wordIn } from "~/features/charts/panels/settings";

export const ORDERS = ["falling", "rising", "runs"] as const;

/** What a panel of bars shows. */
export interface BarsSettings {
  /** The id of the axis that their lengths are of. */
  readonly of?: string | undefined;
  readonly order: (typeof ORDERS)[number];
  readonly isLog: boolean;
}

/** A number of each run or group. */
export const bars: Kind<BarsSettings> = {
  label: "Bars",
  parse: (raw) => {
    const { of, order, isLog } = partsIn(raw);
    return { of: axisIn(of), order: wordIn(order, ORDERS), isLog: isLog === true };
  },
  title: ({ of }) => (of === undefined ? "Bars" : `Bars of ${labelOf(of)}`),
  needs: ({ of }) => needsOf([of]),
  load: () => import("~/features/charts/panels/bars/Panel"),
};
