import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useRef, useState } from "react";

import { failureOf } from "~/api/errors";
import { idOf } from "~/api/names";
import { CreateModelDialog } from "~/features/models/parts/CreateModelDialog";
import { ModelsTable } from "~/features/models/parts/ModelsTable";
import { modelsQuery, rulesQuery, useRegistryChanges } from "~/features/models/queries";
import type { ModelsSearch } from "~/features/models/search";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { SearchBox } from "~/shared/components/SearchBox";
import { Skeleton } from "~/shared/components/Skeleton";
import { Toolbar } from "~/shared/components/Toolbar";
import { useRowKeys } from "~/shared/hooks/useRowKeys";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

const FIRST_MODEL = `import trivet

with trivet.start_run() as run:
    trivet.log_artifacts("model", "model")  # the folder model here
trivet.register_model(f"runs:/{run.info.run_id}/model", "taxi")`;
const route = getRouteApi("/w/$workspace/models");

/** The registered models of a workspace. */
export function ModelsPage() {
  const { workspace } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const changes = useRegistryChanges(workspace);
  const [isCreating, setCreating] = useState(false);
  const rules = useQuery(rulesQuery(workspace));
  const found = useInfiniteQuery({ ...modelsQuery(workspace, search), placeholderData: keepPreviousData });
  const go = (change: Partial<ModelsSearch>): void =>
    void navigate({ search: (now) => ({ ...now, ...change }), replace: "q" in change });
  const open = (name: string): void =>
    void navigate({ to: "/w/$workspace/models/$model", params: { workspace, model: idOf(name) } });
  const box = useRef<HTMLInputElement>(null);
  const models = found.data?.pages.flatMap((page) => page.models) ?? [];
  const rows = useRowKeys(
    models.map((each) => each.name),
    open,
  );
  useShortcuts([
    { key: "/", does: "search models", run: () => box.current?.focus() },
    { key: "n", does: "create a model", run: () => setCreating(true) },
    ...rows.shortcuts,
  ]);
  return (
    <>
      <Toolbar title="Models">
        <SearchBox
          key={workspace}
          label="Search by name or key:value"
          text={search.q ?? ""}
          onText={(q) => go({ q: q === "" ? undefined : q })}
          boxRef={box}
        />
        <Link to="/w/$workspace/promotions" params={{ workspace }}>
          Promotion requests
        </Link>
        <Button kind="primary" icon={<Plus />} onClick={() => setCreating(true)}>
          Create
        </Button>
      </Toolbar>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && models.length === 0 && <Nothing search={search} />}
      {models.length > 0 && (
        <ModelsTable
          workspace={workspace}
          models={models}
          rules={rules.data}
          search={search}
          isStale={found.isPlaceholderData}
          current={rows.current}
          onOrder={(order, desc) => go({ order, desc })}
        />
      )}
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Load more
        </Button>
      )}
      <CreateModelDialog
        isOpen={isCreating}
        onClose={() => setCreating(false)}
        onCreate={async (id, description) => open((await changes.createModel(id, description)).name)}
      />
    </>
  );
}

function Nothing({ search }: { readonly search: ModelsSearch }) {
  if (search.q === undefined) return <Empty title="No models yet" paste={FIRST_MODEL} />;
  return (
    <Empty title={`No model passes “${search.q}”`}>
      <p>
        Words are parts of names, <code>team:routes</code> is a tag, and{" "}
        <code>tags.team = 'routes' OR name LIKE 'taxi%'</code> is a filter of the whole language.
      </p>
    </Empty>
  );
}
