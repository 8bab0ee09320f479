import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { failureOf } from "~/api/errors";
import type { LoggedModel } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { experimentQuery, loggedModelsQuery, registeredQuery } from "~/features/models/loggedModelQueries";
import { LoggedModelsTable } from "~/features/models/parts/LoggedModelsTable";
import type { LoggedModelsSearch } from "~/features/models/search";
import { Button } from "~/shared/components/Button";
import { Crumbs } from "~/shared/components/Crumbs";
import { Empty } from "~/shared/components/Empty";
import { PathLink } from "~/shared/components/PathLink";
import { Problem } from "~/shared/components/Problem";
import { SearchBox } from "~/shared/components/SearchBox";
import { Skeleton } from "~/shared/components/Skeleton";
import { Toolbar } from "~/shared/components/Toolbar";
import { useShortcuts } from "~/shared/hooks/useShortcuts";
import { experimentPath } from "~/shared/links";
import { RegisterDialog } from "~/shared/models/RegisterDialog";

const FIRST_MODEL = `import mlflow

with mlflow.start_run():
    mlflow.sklearn.log_model(model, name="model")`;
const route = getRouteApi("/w/$workspace/experiments/$experiment/models");

/** The models that the runs of an experiment made. */
export function LoggedModelsPage() {
  const { workspace, experiment } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [registering, setRegistering] = useState<LoggedModel | null>(null);
  const named = useQuery(experimentQuery(workspace, experiment));
  const found = useInfiniteQuery({
    ...loggedModelsQuery(workspace, experiment, search),
    placeholderData: keepPreviousData,
  });
  const models = found.data?.pages.flatMap((page) => page.loggedModels) ?? [];
  const registered = useQuery({
    ...registeredQuery(
      workspace,
      models.map((each) => each.name),
    ),
    placeholderData: keepPreviousData,
  });
  const go = (change: Partial<LoggedModelsSearch>): void =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: "q" in change });
  const box = useRef<HTMLInputElement>(null);
  useShortcuts([{ key: "/", does: "search logged models", run: () => box.current?.focus() }]);
  const failed = [found, registered].find((each) => each.isError);
  return (
    <>
      <Toolbar
        title={
          <Crumbs>
            <PathLink path={experimentPath(workspace, experiment)}>{named.data?.displayName ?? experiment}</PathLink>
            <span>logged models</span>
          </Crumbs>
        }
      >
        <SearchBox
          key={experiment}
          label="Search by name or filter"
          text={search.q ?? ""}
          onText={(q) => go({ q: q === "" ? undefined : q })}
          boxRef={box}
        />
      </Toolbar>
      {failed !== undefined && <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && models.length === 0 && search.q === undefined && (
        <Empty title="No logged models yet" paste={FIRST_MODEL} />
      )}
      {found.isSuccess && models.length === 0 && search.q !== undefined && (
        <Empty title={`No logged model passes “${search.q}”`}>
          <p>
            What is typed is part of a name, or a filter such as <code>metrics.rmse &lt; 7 AND status = 'READY'</code>.
          </p>
        </Empty>
      )}
      {models.length > 0 && (
        <LoggedModelsTable
          workspace={workspace}
          models={models}
          registered={registered.data}
          search={search}
          isStale={found.isPlaceholderData}
          onOrder={(order, desc) => go({ order, desc })}
          onRegister={setRegistering}
        />
      )}
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Load more
        </Button>
      )}
      <RegisterDialog
        workspace={workspace}
        source={{ owner: registering?.name ?? "", path: "" }}
        isOpen={registering !== null}
        onClose={() => setRegistering(null)}
      />
    </>
  );
}
