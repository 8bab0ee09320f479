import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { ChevronDown, Copy, Lock, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { failureOf } from "~/api/errors";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { ModelVersionState } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { CopyVersionDialog } from "~/features/models/parts/CopyVersionDialog";
import { DeleteVersionDialog } from "~/features/models/parts/DeleteVersionDialog";
import { Lineage } from "~/features/models/parts/Lineage";
import { LoadingIt } from "~/features/models/parts/LoadingIt";
import { MoveDialog } from "~/features/models/parts/MoveDialog";
import { SignatureTables } from "~/features/models/parts/SignatureTables";
import { VersionSide } from "~/features/models/parts/VersionSide";
import { rulesQuery, versionQuery } from "~/features/models/queries";
import { isProtectedStage, stagesOf } from "~/features/models/stages";
import { Button } from "~/shared/components/Button";
import { Columns } from "~/shared/components/Columns";
import { Crumbs } from "~/shared/components/Crumbs";
import { Empty } from "~/shared/components/Empty";
import { Menu } from "~/shared/components/Menu";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { Toolbar } from "~/shared/components/Toolbar";

const VersionFiles = lazy(() => import("~/features/models/parts/VersionFiles"));
const route = getRouteApi("/w/$workspace/models/$model/versions/$version");

/** A version of a model: where it stands, what it takes and gives, and where it came from. */
export function VersionPage() {
  const { workspace, model, version } = route.useParams();
  if (!/^[1-9]\d{0,14}$/.test(version)) {
    return (
      <Empty title={`“${version}” is no number of a version`}>
        <Link to="/w/$workspace/models/$model" params={{ workspace, model }}>
          Versions of {model}
        </Link>
      </Empty>
    );
  }
  return <Numbered key={version} workspace={workspace} model={model} version={Number(version)} />;
}

interface NumberedProperties {
  readonly workspace: string;
  readonly model: string;
  readonly version: number;
}

function Numbered({ workspace, model, version }: NumberedProperties) {
  const navigate = route.useNavigate();
  const { path = "" } = route.useSearch();
  const found = useQuery(versionQuery(workspace, model, version));
  const rules = useQuery(rulesQuery(workspace));
  const [asked, setAsked] = useState<"copy" | "delete" | null>(null);
  const [stage, setStage] = useState<string | null>(null);
  return (
    <>
      <Toolbar
        title={
          <Crumbs>
            <Link to="/w/$workspace/models" params={{ workspace }}>
              Models
            </Link>
            <Link to="/w/$workspace/models/$model" params={{ workspace, model }}>
              {model}
            </Link>
            <span>version {version}</span>
          </Crumbs>
        }
      >
        {found.data !== undefined && (
          <>
            <StageMenu version={found.data} rules={rules.data} onChoose={setStage} />
            <Button
              icon={<Copy />}
              disabled={found.data.state !== ModelVersionState.READY}
              onClick={() => setAsked("copy")}
            >
              Copy to a model
            </Button>
            <Button kind="danger" icon={<Trash2 />} onClick={() => setAsked("delete")}>
              Delete
            </Button>
          </>
        )}
      </Toolbar>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data !== undefined && (
        <>
          <Columns side={<VersionSide workspace={workspace} model={model} version={found.data} rules={rules.data} />}>
            <SignatureTables signature={found.data.signature} />
            <LoadingIt workspace={workspace} model={model} version={found.data} />
            <Lineage workspace={workspace} version={found.data} />
            {found.data.artifactOwner !== "" && (
              <Suspense fallback={<Skeleton />}>
                <VersionFiles
                  workspace={workspace}
                  owner={found.data.artifactOwner}
                  path={path}
                  onPath={(to) => void navigate({ search: { path: to === "" ? undefined : to } })}
                />
              </Suspense>
            )}
          </Columns>
          <MoveDialog
            workspace={workspace}
            version={found.data}
            rules={rules.data}
            stage={stage}
            onClose={() => setStage(null)}
          />
          <CopyVersionDialog
            workspace={workspace}
            version={found.data}
            isOpen={asked === "copy"}
            onClose={() => setAsked(null)}
            onCopied={(copy) =>
              void navigate({ params: { workspace, model: copy.model, version: String(copy.version) } })
            }
          />
          <DeleteVersionDialog
            workspace={workspace}
            version={found.data}
            rules={rules.data}
            isOpen={asked === "delete"}
            onClose={() => setAsked(null)}
            onDeleted={() => void navigate({ to: "/w/$workspace/models/$model", params: { workspace, model } })}
          />
        </>
      )}
    </>
  );
}

interface StageMenuProperties {
  readonly version: ModelVersion;
  readonly rules: PromotionRules | undefined;
  readonly onChoose: (stage: string) => void;
}

/** The stage that a version is in, and those that it can be moved to. */
function StageMenu({ version, rules, onChoose }: StageMenuProperties) {
  return (
    <Menu
      trigger={
        <Button kind="primary" disabled={version.state !== ModelVersionState.READY}>
          Stage: {version.stage} <ChevronDown aria-hidden />
        </Button>
      }
      items={stagesOf(rules).map((stage) => ({
        id: stage,
        label: stage === version.stage ? `${stage} (now)` : `Move to ${stage}`,
        icon: isProtectedStage(rules, stage) ? <Lock role="img" aria-label="protected" /> : undefined,
        isDisabled: stage === version.stage,
        onChoose: () => onChoose(stage),
      }))}
    />
  );
}
