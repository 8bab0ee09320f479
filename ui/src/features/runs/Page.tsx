import { useQueries } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import { RunsTable } from "~/features/runs/parts/RunsTable";
import { experimentQuery } from "~/features/runs/queries";
import type { RunsSearch } from "~/features/runs/search";
import { experimentIds } from "~/features/runs/search";
import { useStable } from "~/features/runs/useRows";
import { Empty } from "~/shared/components/Empty";
import { PathLink } from "~/shared/components/PathLink";
import { Problem } from "~/shared/components/Problem";

const route = getRouteApi("/w/$workspace/experiments/$experiment");

/** The runs of an experiment, or of several. */
export function RunsPage() {
  const { workspace, experiment } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const scope = useStable({ workspace, experiments: experimentIds(experiment, search.and) });
  const experiments = useQueries({ queries: scope.experiments.map((id) => experimentQuery(workspace, id)) });
  const missing = experiments.findIndex(({ error }) => error !== null && failureOf(error).isMissing);
  const names = useStable(experiments.map(({ data }) => data?.displayName ?? ""));
  const experimentNames = useMemo(
    () => new Map(scope.experiments.map((id, place) => [id, names[place] || `experiment ${id}`])),
    [scope, names],
  );
  if (missing >= 0) {
    return (
      <Empty title={`There is no experiment ${scope.experiments[missing]} in the workspace ${workspace}`}>
        <PathLink path={`/w/${workspace}/experiments`}>All experiments</PathLink>
      </Empty>
    );
  }
  const failed = experiments.find(({ error }) => error !== null);
  const go = (change: Partial<RunsSearch>, isStep = true): void =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: !isStep });
  return (
    <>
      {failed?.error != null && <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />}
      <RunsTable
        key={scope.experiments.join(",")}
        scope={scope}
        experiment={experiments[0]?.data ?? null}
        experimentNames={experimentNames}
        search={search}
        go={go}
        onOpen={(path) => router.history.push(path)}
      />
    </>
  );
}
