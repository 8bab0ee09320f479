import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { CalendarClock, ShieldCheck } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { FieldChange, ModelHistoryEntry } from "~/api/gen/trivet/registry/v1/model_history_pb";
import { millis } from "~/api/times";
import { isOfKind, whatWasDone } from "~/features/models/historyWords";
import bar from "~/features/models/parts/bar.module.css";
import styles from "~/features/models/parts/History.module.css";
import { VerifyDialog } from "~/features/models/parts/VerifyDialog";
import type { ViewProperties } from "~/features/models/parts/viewProperties";
import { historyQuery } from "~/features/models/queries";
import { HISTORY_KINDS } from "~/features/models/search";
import { Button, IconButton } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Time } from "~/shared/components/Time";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

/** How many changes of an entry are shown at once: a version begins with a dozen. */
const SHOWN_CHANGES = 3;
const KIND_NAMES = {
  stages: "moves between stages",
  aliases: "aliases",
  versions: "versions registered and deleted",
  requests: "promotion requests",
  texts: "names, descriptions and tags",
} as const;

/** What happened to a model: who did what, when and why. */
export function History({ workspace, model, search, onSearch }: ViewProperties) {
  const [isVerifying, setVerifying] = useState(false);
  const found = useInfiniteQuery({
    ...historyQuery(workspace, model, search.version ?? 0),
    placeholderData: keepPreviousData,
  });
  const entries = found.data?.pages.flatMap((page) => page.entries) ?? [];
  const shown = entries.filter((each) => isOfKind(each, search.did));
  return (
    <>
      <div className={bar.bar}>
        <select
          aria-label="What was done"
          value={search.did ?? ""}
          onChange={(event) => onSearch({ did: HISTORY_KINDS.find((each) => each === event.target.value) })}
        >
          <option value="">everything</option>
          {HISTORY_KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {KIND_NAMES[kind]}
            </option>
          ))}
        </select>
        <label>
          Version
          <input
            type="number"
            min={1}
            placeholder="all"
            value={search.version ?? ""}
            onChange={(event) => onSearch({ version: Number(event.target.value) || undefined })}
          />
        </label>
        <span className={bar.spacer} />
        <Button icon={<ShieldCheck />} onClick={() => setVerifying(true)}>
          Verify
        </Button>
      </div>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && shown.length === 0 && (
        <Empty title={entries.length === 0 ? "Nothing happened to this version" : "Nothing of that kind happened"} />
      )}
      {shown.length > 0 && (
        <Table
          label="History"
          columns={columnsFor((at) => onSearch({ tab: "as-of", at }))}
          rows={shown}
          keyOf={(each) => String(each.sequence)}
          isStale={found.isPlaceholderData}
        />
      )}
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Load older entries
        </Button>
      )}
      <VerifyDialog workspace={workspace} model={model} isOpen={isVerifying} onClose={() => setVerifying(false)} />
    </>
  );
}

function columnsFor(onAt: (at: number) => void): Column<ModelHistoryEntry>[] {
  return [
    { id: "sequence", header: "#", isNumber: true, cell: (each) => String(each.sequence) },
    {
      id: "when",
      header: "When",
      cell: (each) => (
        <span className={styles.when}>
          <Time at={millis(each.time)} />
          <IconButton
            label={`As of entry ${each.sequence}`}
            icon={<CalendarClock />}
            onClick={() => onAt(millis(each.time) ?? 0)}
          />
        </span>
      ),
    },
    { id: "who", header: "Who", cell: (each) => each.actor },
    { id: "what", header: "What", cell: (each) => <span className={styles.what}>{whatWasDone(each)}</span> },
    { id: "why", header: "Why", cell: (each) => each.reason },
    {
      id: "changes",
      header: "Before and after",
      cell: (each) => <Changes changes={each.changes} />,
    },
  ];
}

function Changes({ changes }: { readonly changes: readonly FieldChange[] }) {
  const rest = changes.slice(SHOWN_CHANGES);
  return (
    <>
      <ChangeList changes={changes.slice(0, SHOWN_CHANGES)} />
      {rest.length > 0 && (
        <details>
          <summary>{rest.length} more</summary>
          <ChangeList changes={rest} />
        </details>
      )}
    </>
  );
}

function ChangeList({ changes }: { readonly changes: readonly FieldChange[] }) {
  return (
    <dl className={styles.changes}>
      {changes.map((change) => (
        <Change key={change.field} change={change} />
      ))}
    </dl>
  );
}

function Change({ change }: { readonly change: FieldChange }) {
  const { field, before, after } = change;
  return (
    <>
      <dt>{field}</dt>
      <dd title={`${before ?? "nothing"} → ${after ?? "nothing"}`}>
        {before !== undefined && <del className={styles.before}>{before || "empty"}</del>}
        {before !== undefined && after !== undefined && " → "}
        {after !== undefined && <ins>{after || "empty"}</ins>}
      </dd>
    </>
  );
}
