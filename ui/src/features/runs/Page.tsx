import { getRouteApi, useRouter } from "@tanstack/react-router";

import { RunsTable } from "~/features/runs/parts/RunsTable";
import type { RunsSearch } from "~/features/runs/search";
import { Problem } from "~/shared/components/Problem";
import { NoExperiment } from "~/shared/runs/NoExperiment";
import { useExperiments } from "~/shared/runs/useExperiments";

const route = getRouteApi("/w/$workspace/experiments/$experiment");

/** The runs of an experiment, or of several. */
export function RunsPage() {
  const { workspace, experiment } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const { scope, first, names, missing, failure, retry } = useExperiments(workspace, experiment, search.and);
  if (missing !== null) return <NoExperiment workspace={workspace} id={missing} />;
  const go = (change: Partial<RunsSearch>, isStep = true): void =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: !isStep });
  return (
    <>
      {failure !== null && <Problem failure={failure} onRetry={retry} />}
      <RunsTable
        key={scope.experiments.join(",")}
        scope={scope}
        experiment={first}
        experimentNames={names}
        search={search}
        go={go}
        onOpen={(path) => router.history.push(path)}
      />
    </>
  );
}
