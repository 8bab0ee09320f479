import { CircleCheck, CircleX, Clock } from "lucide-react";

import { millis } from "~/api/times";
import { LIMITS } from "~/features/server/limits";
import styles from "~/features/server/Server.module.css";
import { Time } from "~/shared/components/Time";
import { duration } from "~/shared/format/times";
import type { ServerState } from "~/shared/hooks/useServers";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

const COLUMNS: readonly Column<ServerState>[] = [
  { id: "name", header: "Server", cell: ({ name }) => <b>{name}</b> },
  { id: "state", header: "State", cell: (server) => <State server={server} /> },
  { id: "version", header: "Version", cell: ({ info }) => info?.version ?? "—" },
  { id: "since", header: "Started", cell: ({ info }) => <Time at={millis(info?.startTime)} /> },
  {
    id: "took",
    header: "Answered in",
    isNumber: true,
    cell: ({ tookMs }) => (tookMs === null ? "—" : duration(tookMs)),
  },
  {
    id: "credentials",
    header: "Credentials",
    cell: ({ name, info }) =>
      info === null
        ? "—"
        : name === "gateway"
          ? "passed on"
          : info.authenticationRequired
            ? "required"
            : "not asked for",
  },
  {
    id: "services",
    header: "Services",
    cell: ({ info }) => (
      <ul className={styles.services}>
        {info?.services
          .filter((each) => each.startsWith("trivet."))
          .map((each) => ({ whole: each, short: each.slice(each.lastIndexOf(".") + 1) }))
          .toSorted((one, other) => (one.short < other.short ? -1 : 1))
          .map(({ whole, short }) => (
            <li key={whole} title={whole}>
              {short}
            </li>
          ))}
      </ul>
    ),
  },
];

/** The servers: whether they answer, and what they say about themselves. */
export function ServersTable({ servers }: { readonly servers: readonly ServerState[] }) {
  return <Table label="Servers" columns={COLUMNS} rows={servers} keyOf={({ name }) => name} />;
}

function State({ server: { info, failure } }: { readonly server: ServerState }) {
  if (failure !== null) {
    return (
      <span className={styles.bad} title={`${failure.message} ${failure.nextStep}`}>
        <CircleX aria-hidden /> away
      </span>
    );
  }
  return info === null ? (
    <span className={styles.soft}>
      <Clock aria-hidden /> asked
    </span>
  ) : (
    <span className={styles.good}>
      <CircleCheck aria-hidden /> serves
    </span>
  );
}

/** What servers refuse for its size, side by side. */
export function LimitsTable({ servers }: { readonly servers: readonly ServerState[] }) {
  const limited = servers.filter(({ info }) => info?.limits !== undefined);
  const columns: Column<(typeof LIMITS)[number]>[] = [
    { id: "label", header: "At most", cell: ({ label }) => label },
    ...limited.map(({ name, info }) => ({
      id: name,
      header: name,
      isNumber: true,
      cell: ({ of }: (typeof LIMITS)[number]) => (info?.limits === undefined ? "—" : of(info.limits) || "—"),
    })),
  ];
  return <Table label="Limits" columns={columns} rows={LIMITS} keyOf={({ label }) => label} />;
}
