import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

import { Charts } from "~/features/charts/parts/Charts";
import type { ChartsSearch } from "~/features/charts/search";
import { Problem } from "~/shared/components/Problem";
import { NoExperiment } from "~/shared/runs/NoExperiment";
import { useExperiments } from "~/shared/runs/useExperiments";

const route = getRouteApi("/w/$workspace/experiments/$experiment/charts");

/** Charts of the runs of an experiment, or of several. */
export function ChartsPage() {
  const { workspace, experiment } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { history } = useRouter();
  const { scope, names, missing, failure, retry } = useExperiments(workspace, experiment, search.and);
  // The same functions each time: panels are drawn anew where what they are given is not the same.
  const go = useCallback(
    (change: Partial<ChartsSearch>, isStep = true): void =>
      void navigate({ search: (now) => ({ ...now, ...change }), replace: !isStep }),
    [navigate],
  );
  const onOpen = useCallback((path: string): void => history.push(path), [history]);
  if (missing !== null) return <NoExperiment workspace={workspace} id={missing} />;
  return (
    <>
      {failure !== null && <Problem failure={failure} onRetry={retry} />}
      <Charts
        key={scope.experiments.join(",")}
        scope={scope}
        title={[...names.values()].join(" + ")}
        search={search}
        go={go}
        onOpen={onOpen}
      />
    </>
  );
}
