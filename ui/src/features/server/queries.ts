import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { artifacts, system } from "~/api/clients";
import { workspaceName } from "~/api/names";

const WORKSPACES_A_PAGE = 20;

/** The workspaces of the caller, some at a time: what each of them stores is a call of its own. */
export const workspacesQuery = infiniteQueryOptions({
  queryKey: ["server", "workspaces"],
  initialPageParam: "",
  queryFn: ({ pageParam, signal }) =>
    system.listWorkspaces({ pageSize: WORKSPACES_A_PAGE, pageToken: pageParam }, { signal }),
  getNextPageParam: (page) => page.nextPageToken || undefined,
});

/** How much room the files of a workspace take, and how long they are kept. */
export const storageQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["server", "storage", workspace],
    queryFn: async ({ signal }) => {
      const parent = workspaceName(workspace);
      const [usage, policy] = await Promise.all([
        artifacts.getSpaceUsage({ parent }, { signal }),
        artifacts.getRetentionPolicy({ parent }, { signal }),
      ]);
      return { usage, policy };
    },
  });
