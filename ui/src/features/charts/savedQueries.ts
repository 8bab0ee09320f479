import { queryOptions } from "@tanstack/react-query";

import { tracking } from "~/api/clients";
import type { SavedView } from "~/api/gen/trivet/tracking/v1/saved_view_pb";
import { savedViewName, workspaceName } from "~/api/names";
import { savedIn } from "~/features/charts/saved";

/** A view may be 64 KB, of which the server sends 3 MiB at once, whatever it reads. */
const PAGE_SIZE = 50;

/** What was saved under a name. */
export const savedViewQuery = (workspace: string, id: string) =>
  queryOptions({
    queryKey: ["saved-view", workspace, id],
    queryFn: ({ signal }) => tracking.getSavedView({ name: savedViewName(workspace, id) }, { signal }),
  });

/** All views of charts that were saved in a workspace, by their names. */
export const savedViewsQuery = (workspace: string) =>
  queryOptions({
    queryKey: ["saved-views", workspace],
    queryFn: async ({ signal }): Promise<readonly SavedView[]> => {
      const found: SavedView[] = [];
      let pageToken = "";
      do {
        const page = await tracking.listSavedViews(
          { parent: workspaceName(workspace), pageSize: PAGE_SIZE, pageToken },
          { signal },
        );
        found.push(...page.savedViews.filter(({ state }) => savedIn(state) !== null));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      return found;
    },
  });
