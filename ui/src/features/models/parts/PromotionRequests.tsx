import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { PromotionRequest } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { PromotionRequestState } from "~/api/gen/trivet/registry/v1/promotion_request_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import type { Decision } from "~/features/models/deciding";
import { decidingOf } from "~/features/models/deciding";
import { DecisionDialog, WORDS } from "~/features/models/parts/DecisionDialog";
import styles from "~/features/models/parts/PromotionRequests.module.css";
import { RequestState } from "~/features/models/parts/RequestState";
import { VersionLink } from "~/features/models/parts/VersionLink";
import { promotionRequestsQuery } from "~/features/models/queries";
import { approvalsSoFar, versionOf, whatIsAsked } from "~/features/models/requestWords";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Time } from "~/shared/components/Time";
import { callerQuery } from "~/shared/session/caller";
import { permissionsIn, workspacesQuery } from "~/shared/session/workspaces";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

interface Properties {
  readonly workspace: string;
  /** The only model whose requests are shown; empty: all. */
  readonly model: string;
  readonly showsEnded: boolean;
}

/** Promotion requests, the newest first, with what the caller may decide about those that wait. */
export function PromotionRequests({ workspace, model, showsEnded }: Properties) {
  const [asked, setAsked] = useState<{ readonly request: PromotionRequest; readonly decision: Decision } | null>(null);
  const state = showsEnded ? PromotionRequestState.UNSPECIFIED : PromotionRequestState.PENDING;
  const found = useInfiniteQuery(promotionRequestsQuery(workspace, model, state));
  const requests = found.data?.pages.flatMap((page) => page.promotionRequests) ?? [];
  const columns: readonly Column<PromotionRequest>[] = [
    ...(model === "" ? [modelColumn(workspace)] : []),
    { id: "change", header: "Change", cell: (each) => whatIsAsked(each) },
    {
      id: "version",
      header: "Version",
      cell: (each) => <VersionLink workspace={workspace} model={idOf(each.model)} version={versionOf(each)} />,
    },
    { id: "state", header: "State", cell: (each) => <RequestState state={each.state} /> },
    {
      id: "approvals",
      header: "Approvals",
      cell: (each) => (
        <span className={styles.nowrap} title={each.approvals.map(({ approver }) => approver).join(", ")}>
          {approvalsSoFar(each)}
        </span>
      ),
    },
    { id: "by", header: "Asked by", cell: (each) => each.createdBy },
    { id: "reason", header: "Reason", cell: (each) => each.reason },
    {
      id: "ended",
      header: showsEnded ? "Ended" : "Until",
      cell: (each) => (
        <span className={styles.nowrap} title={each.endReason}>
          {each.state === PromotionRequestState.PENDING ? (
            <Time at={millis(each.expireTime)} />
          ) : (
            <>
              <Time at={millis(each.endTime)} /> by {each.endedBy}
            </>
          )}
        </span>
      ),
    },
    {
      id: "decide",
      header: "Decide",
      cell: (each) =>
        each.state === PromotionRequestState.PENDING && (
          <Deciding
            workspace={workspace}
            request={each}
            onDecide={(decision) => setAsked({ request: each, decision })}
          />
        ),
    },
  ];
  return (
    <>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && requests.length === 0 && (
        <Empty title={showsEnded ? "Nobody has asked for anything yet" : "Nothing waits for approval"}>
          <p>Moves of what is protected are asked for on the page of a version, and where aliases are.</p>
        </Empty>
      )}
      {requests.length > 0 && (
        <Table label="Promotion requests" columns={columns} rows={requests} keyOf={(each) => each.name} />
      )}
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Load more
        </Button>
      )}
      {asked !== null && <DecisionDialog workspace={workspace} {...asked} onClose={() => setAsked(null)} />}
    </>
  );
}

interface DecidingProperties {
  readonly workspace: string;
  readonly request: PromotionRequest;
  readonly onDecide: (decision: Decision) => void;
}

/** What the caller may decide about a request, and why not more. */
function Deciding({ workspace, request, onDecide }: DecidingProperties) {
  const caller = useQuery(callerQuery);
  const workspaces = useQuery(workspacesQuery);
  const failure = caller.error ?? workspaces.error;
  if (failure !== null) return <span className={styles.whyNot}>{failureOf(failure).message}</span>;
  if (caller.data === undefined || workspaces.data === undefined) return null;
  const { decisions, whyNot } = decidingOf(request, caller.data, permissionsIn(workspaces.data, workspace));
  return (
    <div className={styles.buttons}>
      {decisions.map((decision) => (
        <Button key={decision} onClick={() => onDecide(decision)}>
          {WORDS[decision].action}
        </Button>
      ))}
      {whyNot !== "" && <span className={styles.whyNot}>{whyNot}</span>}
    </div>
  );
}

const modelColumn = (workspace: string): Column<PromotionRequest> => ({
  id: "model",
  header: "Model",
  cell: (each) => (
    <Link to="/w/$workspace/models/$model" params={{ workspace, model: idOf(each.model) }}>
      {idOf(each.model)}
    </Link>
  ),
});
