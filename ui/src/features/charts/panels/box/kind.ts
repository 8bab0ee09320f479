import type { Kind } from "~/features/charts/panel";
import { axisIn, labelOf, needsOf } from "~/features/charts/panels/axes";
import { partsIn } from "~/features/charts/panels/settings";

/** What a box plot shows. */
export interface BoxSettings {
  /** The id of the axis whose numbers are spread. */
  readonly of?: string | undefined;
  /** The id of the axis that runs are grouped by; without it, the groups of the page. */
  readonly by?: string | undefined;
  readonly isLog: boolean;
}

/** How a number is spread in each of several groups. */
export const box: Kind<BoxSettings> = {
  label: "Box plot",
  parse: (raw) => {
    const { of, by, isLog } = partsIn(raw);
    return { of: axisIn(of), by: axisIn(by), isLog: isLog === true };
  },
  title: ({ of, by }) => {
    if (of === undefined) return "Box plot";
    return by === undefined ? labelOf(of) : `${labelOf(of)} by ${labelOf(by)}`;
  },
  needs: ({ of, by }) => needsOf([of, by]),
  load: () => import("~/features/charts/panels/box/Panel"),
};
