import { useInfiniteQuery, useQueries } from "@tanstack/react-query";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import type { OwnerKindUsage, RetentionPolicy, SpaceUsage } from "~/api/gen/trivet/artifacts/v1/garbage_pb";
import { OwnerKind } from "~/api/gen/trivet/artifacts/v1/garbage_pb";
import { idOf } from "~/api/names";
import { storageQuery, workspacesQuery } from "~/features/server/queries";
import styles from "~/features/server/Server.module.css";
import { Button } from "~/shared/components/Button";
import { Problem } from "~/shared/components/Problem";
import { bytes, count } from "~/shared/format/numbers";
import { duration } from "~/shared/format/times";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

interface Row {
  readonly workspace: string;
  readonly usage: SpaceUsage | null;
  readonly policy: RetentionPolicy | null;
  readonly failure: Failure | null;
}

const KINDS = [
  { kind: OwnerKind.RUN, header: "Of runs", owners: "runs" },
  { kind: OwnerKind.LOGGED_MODEL, header: "Of logged models", owners: "logged models" },
  { kind: OwnerKind.MODEL_VERSION, header: "Of model versions", owners: "versions" },
] as const;

const COLUMNS: readonly Column<Row>[] = [
  { id: "workspace", header: "Workspace", cell: ({ workspace }) => <b>{workspace}</b> },
  ...KINDS.map(({ kind, header, owners }) => ({
    id: header,
    header,
    isNumber: true,
    cell: ({ usage }: Row) => (
      <OfKind
        usage={usage?.ownerKinds.find((each) => each.ownerKind === kind)}
        owners={owners}
        isKnown={usage !== null}
      />
    ),
  })),
  {
    id: "stored",
    header: "Stored",
    isNumber: true,
    cell: ({ usage, failure }) =>
      usage !== null ? (
        <span title={`${count(usage.storedContents)} contents, ${count(usage.storedBytes)} bytes`}>
          {bytes(usage.storedBytes)} <small>{count(usage.storedContents)} contents</small>
        </span>
      ) : failure !== null ? (
        <span className={styles.bad} title={failure.nextStep}>
          {failure.isDenied ? "not for you" : failure.message}
        </span>
      ) : (
        "…"
      ),
  },
  {
    id: "unreferenced",
    header: "Of no file",
    isNumber: true,
    cell: ({ usage }) =>
      usage === null ? (
        "—"
      ) : (
        <span title={`${count(usage.unreferencedContents)} contents; trivet artifacts gc frees them`}>
          {bytes(usage.unreferencedBytes)}
        </span>
      ),
  },
  {
    id: "uploads",
    header: "Open uploads",
    isNumber: true,
    cell: ({ usage }) => (usage === null ? "—" : count(usage.openUploads)),
  },
  { id: "kept", header: "Kept", cell: ({ policy }) => (policy === null ? "—" : keptFor(policy)) },
];

/** How much room the files of each workspace take; the one that is looked at comes first. */
export function StorageTable({ workspace }: { readonly workspace: string }) {
  const found = useInfiniteQuery(workspacesQuery);
  const all = found.data?.pages.flatMap((page) => page.workspaces.map((each) => idOf(each.name))) ?? [];
  const names = [workspace, ...all.filter((each) => each !== workspace)];
  const stored = useQueries({ queries: names.map((name) => storageQuery(name)) });
  const rows = names.map((workspace, place): Row => {
    const { data, error } = stored[place] ?? {};
    return {
      workspace,
      usage: data?.usage ?? null,
      policy: data?.policy ?? null,
      failure: error === null || error === undefined ? null : failureOf(error),
    };
  });
  return (
    <>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      <Table label="Storage" columns={COLUMNS} rows={rows} keyOf={(row) => row.workspace} />
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          More workspaces
        </Button>
      )}
    </>
  );
}

interface OfKindProperties {
  readonly usage: OwnerKindUsage | undefined;
  readonly owners: string;
  readonly isKnown: boolean;
}

function OfKind({ usage, owners, isKnown }: OfKindProperties) {
  if (usage === undefined) return <span className={styles.soft}>{isKnown ? "none" : "—"}</span>;
  const references = usage.referenceCount === 0n ? "" : `, ${count(usage.referenceCount)} of them references`;
  return (
    <span title={`${count(usage.ownerCount)} ${owners} with ${count(usage.fileCount)} files${references}`}>
      {bytes(usage.fileBytes)} <small>{count(usage.fileCount)} files</small>
    </span>
  );
}

/** How long files are kept by a policy, as words: `runs 30 d, else for ever`. */
function keptFor({ rules }: RetentionPolicy): string {
  const said = KINDS.flatMap(({ kind, owners }) => {
    const seconds = rules.find((rule) => rule.ownerKind === kind)?.keepFor?.seconds;
    return seconds === undefined ? [] : [`${owners} ${duration(Number(seconds) * 1000)}`];
  });
  return said.length === 0 ? "for ever" : `${said.join(", ")}${said.length < KINDS.length ? ", else for ever" : ""}`;
}
