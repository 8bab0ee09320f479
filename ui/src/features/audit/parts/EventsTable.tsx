import { Ban, CircleCheck, CircleX } from "lucide-react";

import type { AuditEvent } from "~/api/gen/trivet/common/v1/system_service_pb";
import { AuditOutcome } from "~/api/gen/trivet/common/v1/system_service_pb";
import { idOf, workspaceName } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/features/audit/Audit.module.css";
import type { AuditSearch } from "~/features/audit/search";
import { Button } from "~/shared/components/Button";
import { StatusWord } from "~/shared/components/Status";
import { Time } from "~/shared/components/Time";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

const SHOWN_AS = {
  [AuditOutcome.UNSPECIFIED]: { tone: "soft", Icon: CircleX },
  [AuditOutcome.SUCCEEDED]: { tone: "good", Icon: CircleCheck },
  [AuditOutcome.DENIED]: { tone: "warn", Icon: Ban },
  [AuditOutcome.FAILED]: { tone: "bad", Icon: CircleX },
} as const;

interface Properties {
  readonly workspace: string;
  readonly events: readonly AuditEvent[];
  /** Narrows what is shown. */
  readonly onSearch: (more: AuditSearch) => void;
}

/** Events, the newest first. What is pressed in a row is what is shown then. */
export function EventsTable({ workspace, events, onSearch }: Properties) {
  const columns: Column<AuditEvent>[] = [
    {
      id: "when",
      header: "When",
      cell: (each) => (
        <span className={styles.nowrap}>
          <Time at={millis(each.time)} />
        </span>
      ),
    },
    {
      id: "who",
      header: "Who",
      cell: ({ subject, tokenId }) => (
        <Chosen
          text={subject}
          title={tokenId === "" ? "" : `Token ${tokenId}`}
          onChoose={() => onSearch({ who: subject })}
        />
      ),
    },
    {
      id: "method",
      header: "Method",
      cell: ({ method }) => (
        <Chosen text={idOf(method)} title={method} onChoose={() => onSearch({ method: idOf(method) })} />
      ),
    },
    { id: "calls", header: "Calls", isNumber: true, cell: ({ callCount }) => String(callCount) },
    { id: "what", header: "What", cell: (each) => <Named workspace={workspace} event={each} onSearch={onSearch} /> },
    {
      id: "outcome",
      header: "Outcome",
      cell: ({ outcome, code, reason }) => (
        <>
          <StatusWord {...SHOWN_AS[outcome]} word={code} /> {reason !== code && reason}
        </>
      ),
    },
    {
      id: "from",
      header: "From",
      cell: ({ peer, claimedForwardedFor, userAgent }) => (
        <span title={userAgent}>
          {peer}
          {claimedForwardedFor !== "" && <small className={styles.soft}> says it is for {claimedForwardedFor}</small>}
        </span>
      ),
    },
    { id: "request", header: "Request", cell: ({ requestId }) => <code>{requestId}</code> },
  ];
  return <Table label="Audit events" columns={columns} rows={events} keyOf={(each) => each.eventId} />;
}

interface NamedProperties {
  readonly workspace: string;
  readonly event: AuditEvent;
  readonly onSearch: (more: AuditSearch) => void;
}

/** What a call named, but for the workspace, which all of them name. */
function Named({ workspace, event, onSearch }: NamedProperties) {
  const parent = workspaceName(workspace);
  const names = event.resources.filter((name) => name !== parent);
  return (
    <>
      {names.map((name) => {
        const shown = name.startsWith(`${parent}/`) ? name.slice(parent.length + 1) : name;
        return <Chosen key={name} text={shown} title={name} onChoose={() => onSearch({ resource: shown })} />;
      })}
      {event.moreResourceCount > 0n && (
        <small className={styles.soft}>and {String(event.moreResourceCount)} more</small>
      )}
    </>
  );
}

interface ChosenProperties {
  readonly text: string;
  readonly title: string;
  readonly onChoose: () => void;
}

function Chosen({ text, title, onChoose }: ChosenProperties) {
  return (
    <Button kind="quiet" className={styles.chosen ?? ""} title={title} onClick={onChoose}>
      {text}
    </Button>
  );
}
