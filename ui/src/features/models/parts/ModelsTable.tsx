import { Link } from "@tanstack/react-router";

import type { Model } from "~/api/gen/trivet/registry/v1/model_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import styles from "~/features/models/parts/ModelsTable.module.css";
import { VersionLink } from "~/features/models/parts/VersionLink";
import type { ModelOrder, ModelsSearch } from "~/features/models/search";
import { promotedStages } from "~/features/models/stages";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

interface Properties {
  readonly workspace: string;
  readonly models: readonly Model[];
  readonly rules: PromotionRules | undefined;
  readonly search: ModelsSearch;
  readonly isStale: boolean;
  readonly current: string | undefined;
  readonly onOrder: (by: ModelOrder, isDescending: boolean) => void;
}

export function ModelsTable({ workspace, models, rules, search, isStale, current, onOrder }: Properties) {
  const link = (model: Model, version: number | bigint | undefined) => (
    <VersionLink workspace={workspace} model={idOf(model.name)} version={version} />
  );
  const columns: Column<Model, ModelOrder>[] = [
    {
      id: "name",
      header: "Name",
      sort: "name",
      cell: (each) => (
        <Link
          to="/w/$workspace/models/$model"
          params={{ workspace, model: idOf(each.name) }}
          className={styles.name ?? ""}
        >
          {idOf(each.name)}
        </Link>
      ),
    },
    { id: "latest", header: "Latest", cell: (each) => link(each, latestVersion(each)) },
    ...promotedStages(rules).map((stage) => ({
      id: `stage ${stage}`,
      header: stage,
      cell: (each: Model) => link(each, versionIn(each, stage)),
    })),
    {
      id: "aliases",
      header: "Aliases",
      cell: (each) => (
        <span className={styles.chips}>
          {Object.entries(each.aliases)
            .toSorted(([one], [other]) => (one < other ? -1 : 1))
            .map(([alias, version]) => (
              <VersionLink
                key={alias}
                workspace={workspace}
                model={idOf(each.name)}
                version={version}
                before={`@${alias}`}
              />
            ))}
        </span>
      ),
    },
    { id: "by", header: "Created by", cell: (each) => each.createdBy },
    {
      id: "modified",
      header: "Modified",
      sort: "last_updated_timestamp",
      cell: (each) => <Time at={millis(each.updateTime)} />,
    },
    {
      id: "tags",
      header: "Tags",
      cell: (each) => <Tags tags={each.tags} />,
    },
  ];
  return (
    <Table
      label="Models"
      columns={columns}
      rows={models}
      keyOf={(each) => each.name}
      {...(search.order === undefined ? {} : { order: { by: search.order, isDescending: search.desc === true } })}
      onOrder={onOrder}
      isStale={isStale}
      {...(current === undefined ? {} : { current })}
    />
  );
}

/** The newest version that is READY. */
function latestVersion(model: Model): number | undefined {
  const numbers = model.latestVersions.map((each) => Number(idOf(each.name)));
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

function versionIn(model: Model, stage: string): number | undefined {
  const found = model.latestVersions.find((each) => each.stage === stage);
  return found === undefined ? undefined : Number(idOf(found.name));
}
