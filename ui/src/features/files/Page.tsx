import { getRouteApi } from "@tanstack/react-router";

import { runName } from "~/api/names";
import { ArtifactBrowser } from "~/shared/artifacts/ArtifactBrowser";

const route = getRouteApi("/w/$workspace/runs/$run");

/** The files of a run, until its page is there. */
export function FilesPage() {
  const { workspace, run } = route.useParams();
  const { path = "" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <ArtifactBrowser
      workspace={workspace}
      owner={runName(workspace, run)}
      path={path}
      onPath={(to) => void navigate({ search: (now) => ({ ...now, path: to === "" ? undefined : to }) })}
    />
  );
}
