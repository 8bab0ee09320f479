import type { Kind } from "~/features/charts/panel";
import { NEEDS_NOTHING } from "~/features/charts/panel";
import { partsIn } from "~/features/charts/panels/settings";
import { textIn } from "~/shared/runs/choice";

/** The tag that says which files of a run are tables, as MLflow's clients write it too. */
export const LOGGED_ARTIFACTS_TAG = "mlflow.loggedArtifacts";

/** What a panel of tables shows. */
export interface TablesSettings {
  /** The path of a file that `log_table` wrote; the first one that there is where it is undefined. */
  readonly path?: string | undefined;
  /** Of tables with a column of steps: the last one where it is null. */
  readonly step: number | null;
}

/** Tables that runs logged. */
export const tables: Kind<TablesSettings> = {
  label: "Tables by step",
  parse: (raw) => {
    const { path, step } = partsIn(raw);
    return { path: textIn(path), step: typeof step === "number" && Number.isFinite(step) ? step : null };
  },
  title: ({ path }) => path ?? "Tables",
  needs: () => ({ ...NEEDS_NOTHING, tags: [LOGGED_ARTIFACTS_TAG] }),
  load: () => import("~/features/charts/panels/tables/Panel"),
};
