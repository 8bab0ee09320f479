import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { registry, tracking } from "~/api/clients";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { experimentName, idOf, workspaceName } from "~/api/names";
import { loggedModelsFilter } from "~/features/models/loggedModelsFilter";
import type { LoggedModelsSearch } from "~/features/models/search";
import { quoted } from "~/filter/quote";

const PAGE_SIZE = 100;
const MAX_VERSIONS = 1000;
/** How often what is shown is read again: a run may be making models. */
const AGAIN_MS = 10_000;

/** The experiment that logged models are shown of. */
export const experimentQuery = (workspace: string, experiment: string) =>
  queryOptions({
    queryKey: ["experiment", workspace, experiment],
    queryFn: ({ signal }) => tracking.getExperiment({ name: experimentName(workspace, experiment) }, { signal }),
  });

/** The logged models of an experiment that pass a search, page by page. */
export const loggedModelsQuery = (workspace: string, experiment: string, search: LoggedModelsSearch) =>
  infiniteQueryOptions({
    queryKey: ["logged models", workspace, experiment, search],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      tracking.searchLoggedModels(
        {
          parent: workspaceName(workspace),
          experiments: [experimentName(workspace, experiment)],
          filter: loggedModelsFilter(search.q ?? ""),
          orderBy: search.order === undefined ? "" : `${search.order} ${search.desc === true ? "DESC" : "ASC"}`,
          pageSize: PAGE_SIZE,
          pageToken: pageParam,
        },
        { signal },
      ),
    getNextPageParam: (page) => page.nextPageToken || undefined,
    refetchInterval: AGAIN_MS,
  });

/** The registered versions of logged models, by the name of the logged model. */
export const registeredQuery = (workspace: string, loggedModels: readonly string[]) =>
  queryOptions({
    queryKey: ["models", workspace, "registered", loggedModels],
    enabled: loggedModels.length > 0,
    queryFn: async ({ signal }) => {
      const ids = loggedModels.map((each) => quoted(idOf(each))).join(", ");
      const { modelVersions } = await registry.searchModelVersions(
        { parent: workspaceName(workspace), filter: `logged_model_id IN (${ids})`, pageSize: MAX_VERSIONS },
        { signal },
      );
      const found = new Map<string, ModelVersion[]>();
      for (const each of modelVersions) {
        const name = each.source?.loggedModel ?? "";
        found.set(name, [...(found.get(name) ?? []), each]);
      }
      return found;
    },
  });
