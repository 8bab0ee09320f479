import { useQueries } from "@tanstack/react-query";

import { system } from "~/api/clients";
import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { ServerInfo } from "~/api/gen/trivet/common/v1/system_service_pb";

/** The servers, as the gateway knows them by the header `trivet-server`. */
export const SERVERS = ["gateway", "tracking", "artifacts", "registry"] as const;
export type ServerName = (typeof SERVERS)[number];

const EVERY_MS = 30_000;
const PATIENCE_MS = 5_000;

/** A server, and how it is. */
export interface ServerState {
  readonly name: ServerName;
  /** What it says about itself: what it said last, where it is away by now. */
  readonly info: ServerInfo | null;
  /** How long its answer took, in milliseconds. */
  readonly tookMs: number | null;
  /** Why it does not answer; null while it does. */
  readonly failure: Failure | null;
}

/** How the servers are, asked anew every while. */
export function useServers({ isAsked }: { readonly isAsked: boolean }): {
  readonly servers: readonly ServerState[];
  /** When they were asked last, in milliseconds since the Unix epoch; 0 for never. */
  readonly askedAt: number;
  readonly isAsking: boolean;
} {
  return useQueries({
    queries: SERVERS.map((name) => ({
      queryKey: ["server", name],
      queryFn: async ({ signal }: { readonly signal: AbortSignal }) => {
        const begun = performance.now();
        const headers = { "trivet-server": name };
        const info = await system.getServerInfo({}, { signal, headers, timeoutMs: PATIENCE_MS });
        return { info, tookMs: performance.now() - begun };
      },
      enabled: isAsked,
      retry: false,
      refetchInterval: EVERY_MS,
    })),
    combine: (found) => ({
      servers: found.map(({ data, error }, place) => ({
        name: SERVERS[place] ?? "gateway",
        info: data?.info ?? null,
        tookMs: error === null ? (data?.tookMs ?? null) : null,
        failure: error === null ? null : failureOf(error),
      })),
      askedAt: Math.max(...found.map((each) => Math.max(each.dataUpdatedAt, each.errorUpdatedAt))),
      isAsking: found.some((each) => each.isFetching),
    }),
  });
}

/** What is away, as a sentence; empty where all answer. */
export function awaySentence(servers: readonly ServerState[]): string {
  const away = servers.filter(({ failure }) => failure !== null).map(({ name }) => name);
  if (away.length === 0) return "";
  if (away.includes("gateway")) return "The server does not answer";
  return `${away.join(" and ")} ${away.length === 1 ? "does" : "do"} not answer`;
}
