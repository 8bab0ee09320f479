import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { GitCompareArrows } from "lucide-react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import styles from "~/features/models/parts/bar.module.css";
import { VersionsTable } from "~/features/models/parts/VersionsTable";
import type { ViewProperties } from "~/features/models/parts/viewProperties";
import { versionsQuery } from "~/features/models/queries";
import { stagesOf } from "~/features/models/stages";
import { Button } from "~/shared/components/Button";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { useRowKeys } from "~/shared/hooks/useRowKeys";
import { useShortcuts } from "~/shared/hooks/useShortcuts";

interface Properties extends ViewProperties {
  readonly rules: PromotionRules | undefined;
}

/** The versions of a model. */
export function Versions({ workspace, model, search, onSearch, rules }: Properties) {
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<readonly number[]>(search.compare ?? []);
  const found = useInfiniteQuery({ ...versionsQuery(workspace, model, search), placeholderData: keepPreviousData });
  const versions = found.data?.pages.flatMap((page) => page.modelVersions) ?? [];
  const toggle = (version: number): void =>
    setChosen((now) => (now.includes(version) ? now.filter((each) => each !== version) : [...now, version]));
  const compare = (): void => {
    if (chosen.length > 1) onSearch({ compare: chosen.toSorted((one, other) => one - other) });
  };
  const rows = useRowKeys(
    versions.map((each) => each.name),
    (name) =>
      void navigate({
        to: "/w/$workspace/models/$model/versions/$version",
        params: { workspace, model, version: idOf(name) },
      }),
  );
  useShortcuts([
    ...rows.shortcuts,
    { key: "x", does: "choose the row", run: () => rows.current !== undefined && toggle(Number(idOf(rows.current))) },
    { key: "c", does: "compare the chosen versions", run: compare },
  ]);
  return (
    <>
      <div className={styles.bar}>
        <select
          aria-label="Which stage"
          value={search.stage ?? ""}
          onChange={(event) => onSearch({ stage: event.target.value === "" ? undefined : event.target.value })}
        >
          <option value="">all stages</option>
          {stagesOf(rules).map((stage) => (
            <option key={stage} value={stage}>
              {stage}
            </option>
          ))}
        </select>
        <Button icon={<GitCompareArrows />} disabled={chosen.length < 2} onClick={compare}>
          {chosen.length < 2 ? "Compare" : `Compare ${chosen.length} versions`}
        </Button>
        {chosen.length === 1 && <span className={styles.soft}>Choose one more to compare</span>}
      </div>
      {found.isError && <Problem failure={failureOf(found.error)} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.isSuccess && versions.length === 0 && <Nothing model={model} stage={search.stage} />}
      {versions.length > 0 && (
        <VersionsTable
          workspace={workspace}
          model={model}
          versions={versions}
          rules={rules}
          search={search}
          chosen={chosen}
          isStale={found.isPlaceholderData}
          current={rows.current}
          onToggle={toggle}
          onOrder={(order, desc) => onSearch({ order, desc })}
        />
      )}
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          Load more
        </Button>
      )}
    </>
  );
}

function Nothing({ model, stage }: { readonly model: string; readonly stage: string | undefined }) {
  if (stage !== undefined) return <Empty title={`No version is in ${stage}`} />;
  return (
    <Empty
      title="No versions yet"
      paste={`import trivet

with trivet.start_run() as run:
    trivet.log_artifacts("model", "model")  # the folder model here
trivet.register_model(f"runs:/{run.info.run_id}/model", ${JSON.stringify(model)})`}
    />
  );
}
