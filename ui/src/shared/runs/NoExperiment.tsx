import { Empty } from "~/shared/components/Empty";
import { PathLink } from "~/shared/components/PathLink";
import { experimentsPath } from "~/shared/links";

/** What a page says whose experiment is not there. */
export function NoExperiment({ workspace, id }: { readonly workspace: string; readonly id: string }) {
  return (
    <Empty title={`There is no experiment ${id} in the workspace ${workspace}`}>
      <PathLink path={experimentsPath(workspace)}>All experiments</PathLink>
    </Empty>
  );
}
