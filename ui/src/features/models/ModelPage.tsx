import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import { AsOf } from "~/features/models/parts/AsOf";
import { Comparison } from "~/features/models/parts/Comparison";
import { DeleteModelDialog } from "~/features/models/parts/DeleteModelDialog";
import { History } from "~/features/models/parts/History";
import { ModelSide } from "~/features/models/parts/ModelSide";
import { PromotionRequests } from "~/features/models/parts/PromotionRequests";
import { RenameModelDialog } from "~/features/models/parts/RenameModelDialog";
import { Versions } from "~/features/models/parts/Versions";
import { modelQuery, rulesQuery } from "~/features/models/queries";
import type { ModelSearch, ModelTab } from "~/features/models/search";
import { Button } from "~/shared/components/Button";
import { Columns } from "~/shared/components/Columns";
import { Crumbs } from "~/shared/components/Crumbs";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Tabs } from "~/shared/components/Tabs";
import { Toolbar } from "~/shared/components/Toolbar";

const route = getRouteApi("/w/$workspace/models/$model");
const TABS: readonly { readonly id: ModelTab | "versions"; readonly label: string }[] = [
  { id: "versions", label: "Versions" },
  { id: "history", label: "History" },
  { id: "as-of", label: "As of a date" },
  { id: "requests", label: "Promotion requests" },
];

/** A registered model: its versions, what happened to them, and how it stood at any time. */
export function ModelPage() {
  const { workspace, model } = route.useParams();
  const found = useQuery(modelQuery(workspace, model));
  return (
    <>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isError && found.data === undefined && (
        <p>
          <Link to="/w/$workspace/models" params={{ workspace }}>
            All models
          </Link>
        </p>
      )}
      {found.data !== undefined && <Found workspace={workspace} id={model} model={found.data} />}
    </>
  );
}

interface FoundProperties {
  readonly workspace: string;
  readonly id: string;
  readonly model: Model;
}

function Found({ workspace, id, model }: FoundProperties) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const rules = useQuery(rulesQuery(workspace));
  const [asked, setAsked] = useState<"rename" | "delete" | null>(null);
  const go = (change: Partial<ModelSearch>): void => void navigate({ search: (now) => ({ ...now, ...change }) });
  const shared = { workspace, model: id, search, onSearch: go };
  const chosen = search.tab ?? "versions";
  return (
    <>
      <Toolbar
        title={
          <Crumbs>
            <Link to="/w/$workspace/models" params={{ workspace }}>
              Models
            </Link>
            <span>{id}</span>
          </Crumbs>
        }
      >
        <Button icon={<Pencil />} onClick={() => setAsked("rename")}>
          Rename
        </Button>
        <Button kind="danger" icon={<Trash2 />} onClick={() => setAsked("delete")}>
          Delete
        </Button>
      </Toolbar>
      <Columns side={<ModelSide workspace={workspace} model={model} rules={rules.data} />}>
        <Tabs
          label="Views of the model"
          tabs={TABS}
          chosen={chosen}
          onChoose={(tab) => go({ tab: tab === "versions" ? undefined : tab, compare: undefined })}
        >
          {chosen === "history" && <History {...shared} />}
          {chosen === "as-of" && <AsOf {...shared} rules={rules.data} />}
          {chosen === "requests" && <PromotionRequests workspace={workspace} model={id} showsEnded />}
          {chosen === "versions" &&
            ((search.compare?.length ?? 0) > 1 ? (
              <Comparison {...shared} rules={rules.data} />
            ) : (
              <Versions {...shared} rules={rules.data} />
            ))}
        </Tabs>
      </Columns>
      <RenameModelDialog
        workspace={workspace}
        name={model.name}
        isOpen={asked === "rename"}
        onClose={() => setAsked(null)}
        onRenamed={(renamed) => void navigate({ params: { workspace, model: renamed }, replace: true })}
      />
      <DeleteModelDialog
        workspace={workspace}
        model={model}
        rules={rules.data}
        isOpen={asked === "delete"}
        onClose={() => setAsked(null)}
        onDeleted={() => void navigate({ to: "/w/$workspace/models", params: { workspace }, search: {} })}
      />
    </>
  );
}
