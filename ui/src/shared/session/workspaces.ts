import { queryOptions } from "@tanstack/react-query";

import { system } from "~/api/clients";
import type { Workspace } from "~/api/gen/trivet/common/v1/system_service_pb";
import { idOf } from "~/api/names";

const PAGE_SIZE = 1000;

/** All workspaces that the caller may use, with what they may do in each, by name. */
export const workspacesQuery = queryOptions({
  queryKey: ["workspaces"],
  queryFn: async ({ signal }) => {
    const found: Workspace[] = [];
    let pageToken = "";
    do {
      const page = await system.listWorkspaces({ pageSize: PAGE_SIZE, pageToken }, { signal });
      found.push(...page.workspaces);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  },
});

/** What the caller may do in a workspace: `READ`, `WRITE`, …; nothing before that is known. */
export const permissionsIn = (workspaces: readonly Workspace[] | undefined, workspace: string): readonly string[] =>
  workspaces?.find(({ name }) => idOf(name) === workspace)?.permissions ?? [];
