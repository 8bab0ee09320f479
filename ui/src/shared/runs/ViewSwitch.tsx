import { defaultStringifySearch, useRouterState } from "@tanstack/react-router";
import { ChartLine, Table2 } from "lucide-react";

import { PathLink } from "~/shared/components/PathLink";
import { chartsPath, experimentPath } from "~/shared/links";
import styles from "~/shared/runs/ViewSwitch.module.css";

interface Properties {
  readonly workspace: string;
  readonly experiment: string;
  readonly shown: "table" | "charts";
  /** What the page shows, where its URL does not say all of it. */
  readonly search?: object;
}

/** The two pages of the runs of an experiment. Each keeps in the URL what the other shows. */
export function ViewSwitch({ workspace, experiment, shown, search: all }: Properties) {
  const ofUrl = useRouterState({ select: (state) => state.location.searchStr });
  const search = all === undefined ? ofUrl : defaultStringifySearch({ ...all });
  return (
    <nav aria-label="Views of the runs" className={styles.switch}>
      <PathLink
        path={`${experimentPath(workspace, experiment)}${search}`}
        className={styles.view}
        aria-current={shown === "table" ? "page" : undefined}
      >
        <Table2 aria-hidden />
        Table
      </PathLink>
      <PathLink
        path={`${chartsPath(workspace, experiment)}${search}`}
        className={styles.view}
        aria-current={shown === "charts" ? "page" : undefined}
      >
        <ChartLine aria-hidden />
        Charts
      </PathLink>
    </nav>
  );
}
