import { infiniteQueryOptions } from "@tanstack/react-query";

import { system } from "~/api/clients";
import { ArtifactService } from "~/api/gen/trivet/artifacts/v1/artifact_service_pb";
import type { AuditEvent } from "~/api/gen/trivet/common/v1/system_service_pb";
import { AuditOutcome } from "~/api/gen/trivet/common/v1/system_service_pb";
import { RegistryService } from "~/api/gen/trivet/registry/v1/registry_service_pb";
import { TrackingService } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import { workspaceName } from "~/api/names";
import { toTimestamp } from "~/api/times";
import type { Rest } from "~/features/audit/merging";
import { takeNewest } from "~/features/audit/merging";
import type { AuditSearch } from "~/features/audit/search";
import type { ServerName, ServerState } from "~/shared/hooks/useServers";

const PAGE_SIZE = 100;

const SERVICES: readonly (readonly [ServerName, string])[] = [
  ["tracking", TrackingService.typeName],
  ["artifacts", ArtifactService.typeName],
  ["registry", RegistryService.typeName],
];

const OUTCOMES = {
  succeeded: AuditOutcome.SUCCEEDED,
  denied: AuditOutcome.DENIED,
  failed: AuditOutcome.FAILED,
} as const;

/** The servers that have the events of all services together, each of which is asked once; null before all are known.
 *
 * One that serves several services has the events of all of them.
 */
export function serversToAsk(servers: readonly Pick<ServerState, "name" | "info">[]): readonly ServerName[] | null {
  const asked: ServerName[] = [];
  const answered = new Set<string>();
  for (const [name, service] of SERVICES) {
    const info = servers.find((each) => each.name === name)?.info ?? null;
    if (info === null) return null;
    if (answered.has(service)) continue;
    asked.push(name);
    info.services.forEach((each) => answered.add(each));
  }
  return asked;
}

/** The events of a workspace, of several servers as one list, the newest first. */
export const auditQuery = (workspace: string, servers: readonly ServerName[], search: AuditSearch) =>
  infiniteQueryOptions({
    queryKey: ["audit", workspace, servers, search],
    initialPageParam: servers.map((): Rest<AuditEvent> => ({ events: [], token: "" })),
    queryFn: async ({ pageParam, signal }) => {
      let page = takeNewest<AuditEvent>(pageParam);
      while (page.events.length === 0 && page.rest.some(({ token }) => token !== null)) {
        page = takeNewest(
          await Promise.all(
            page.rest.map(async (rest, place) =>
              rest.events.length > 0 || rest.token === null
                ? rest
                : await read(workspace, servers[place] ?? "tracking", search, rest.token, signal),
            ),
          ),
        );
      }
      return page;
    },
    getNextPageParam: ({ rest }) =>
      rest.some(({ events, token }) => events.length > 0 || token !== null) ? [...rest] : undefined,
    retry: false,
  });

async function read(
  workspace: string,
  server: ServerName,
  search: AuditSearch,
  pageToken: string,
  signal: AbortSignal,
): Promise<Rest<AuditEvent>> {
  const parent = workspaceName(workspace);
  const { who = "", method = "", resource = "", outcome, since, until } = search;
  const answer = await system.listAuditEvents(
    {
      parent,
      query: {
        subject: who,
        method,
        resource: resource === "" || resource.startsWith("workspaces/") ? resource : `${parent}/${resource}`,
        ...(outcome === undefined ? {} : { outcome: OUTCOMES[outcome] }),
        ...(since === undefined ? {} : { startTime: toTimestamp(since) }),
        ...(until === undefined ? {} : { endTime: toTimestamp(until) }),
      },
      pageSize: PAGE_SIZE,
      pageToken,
    },
    { signal, headers: { "trivet-server": server } },
  );
  return { events: answer.auditEvents, token: answer.nextPageToken === "" ? null : answer.nextPageToken };
}
