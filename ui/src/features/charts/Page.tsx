import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

import type { Failure } from "~/api/errors";
import { Charts } from "~/features/charts/parts/Charts";
import type { ChartsSearch } from "~/features/charts/search";
import { useView } from "~/features/charts/useView";
import { Button } from "~/shared/components/Button";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { NoExperiment } from "~/shared/runs/NoExperiment";
import { useExperiments } from "~/shared/runs/useExperiments";

const route = getRouteApi("/w/$workspace/experiments/$experiment/charts");

/** Charts of the runs of an experiment, or of several. */
export function ChartsPage() {
  const { workspace, experiment } = route.useParams();
  const url = route.useSearch();
  const navigate = route.useNavigate();
  const { history } = useRouter();
  const { scope, names, missing, failure, retry } = useExperiments(workspace, experiment, url.and);
  // The same functions each time: panels are drawn anew where what they are given is not the same.
  const goUrl = useCallback(
    (change: Partial<ChartsSearch>, isStep = true): void =>
      void navigate({ search: (now) => ({ ...now, ...change }), replace: !isStep }),
    [navigate],
  );
  const { search, go, view } = useView(workspace, experiment, url, goUrl);
  const onOpen = useCallback((path: string): void => history.push(path), [history]);
  if (missing !== null) return <NoExperiment workspace={workspace} id={missing} />;
  return (
    <>
      {failure !== null && <Problem failure={failure} onRetry={retry} />}
      {view.failure !== null && <NoView failure={view.failure} onDrop={() => view.open(undefined)} />}
      {view.isPending ? (
        <Skeleton />
      ) : (
        <Charts
          key={scope.experiments.join(",")}
          scope={scope}
          title={[...names.values()].join(" + ")}
          search={search}
          go={go}
          view={view}
          onOpen={onOpen}
        />
      )}
    </>
  );
}

interface NoViewProperties {
  readonly failure: Failure;
  readonly onDrop: () => void;
}

/** Says why the view that the URL names is not shown; the page is as it is without one. */
function NoView({ failure, onDrop }: NoViewProperties) {
  return (
    <>
      <Problem failure={failure} />
      <p>
        <Button onClick={onDrop}>Forget the view</Button>
      </p>
    </>
  );
}
