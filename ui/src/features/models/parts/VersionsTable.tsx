import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import { ModelVersionState } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import { Stage } from "~/features/models/parts/Stage";
import { VersionLink } from "~/features/models/parts/VersionLink";
import styles from "~/features/models/parts/VersionsTable.module.css";
import { VersionState } from "~/features/models/parts/VersionState";
import type { ModelSearch, VersionOrder } from "~/features/models/search";
import { PathLink } from "~/shared/components/PathLink";
import { Tags } from "~/shared/components/Tags";
import { Time } from "~/shared/components/Time";
import { runPath } from "~/shared/links";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

const SHOWN_ID = 8;

interface Properties {
  readonly workspace: string;
  readonly model: string;
  readonly versions: readonly ModelVersion[];
  readonly rules: PromotionRules | undefined;
  readonly search: ModelSearch;
  readonly chosen: readonly number[];
  readonly isStale: boolean;
  readonly current: string | undefined;
  readonly onToggle: (version: number) => void;
  readonly onOrder: (by: VersionOrder, isDescending: boolean) => void;
}

export function VersionsTable(properties: Properties) {
  const { workspace, model, versions, rules, search, chosen, isStale, current, onToggle, onOrder } = properties;
  const columns: Column<ModelVersion, VersionOrder>[] = [
    {
      id: "choose",
      header: <span className="visually-hidden">Chosen</span>,
      cell: (each) => (
        <input
          type="checkbox"
          className={styles.choose}
          aria-label={`Choose version ${idOf(each.name)}`}
          checked={chosen.includes(Number(idOf(each.name)))}
          onChange={() => onToggle(Number(idOf(each.name)))}
        />
      ),
    },
    {
      id: "version",
      header: "Version",
      sort: "version_number",
      cell: (each) => <VersionLink workspace={workspace} model={model} version={BigInt(idOf(each.name))} />,
    },
    {
      id: "stage",
      header: "Stage",
      sort: "stage",
      cell: (each) =>
        each.state === ModelVersionState.READY ? (
          <Stage stage={each.stage} rules={rules} />
        ) : (
          <VersionState state={each.state} />
        ),
    },
    { id: "aliases", header: "Aliases", cell: (each) => each.aliases.map((alias) => `@${alias}`).join(" ") },
    {
      id: "description",
      header: "Description",
      cell: (each) => (
        <span className={styles.description} title={each.description}>
          {each.description.split("\n")[0]}
        </span>
      ),
    },
    {
      id: "tags",
      header: "Tags",
      cell: (each) => (
        <div className={styles.tags}>
          <Tags tags={each.tags} />
        </div>
      ),
    },
    {
      id: "created",
      header: "Registered",
      sort: "creation_timestamp",
      cell: (each) => (
        <span className={styles.nowrap}>
          <Time at={millis(each.createTime)} />
        </span>
      ),
    },
    { id: "by", header: "By", cell: (each) => each.createdBy },
    { id: "run", header: "Run", cell: (each) => <Run workspace={workspace} name={each.source?.run ?? ""} /> },
  ];
  return (
    <Table
      label="Versions"
      columns={columns}
      rows={versions}
      keyOf={(each) => each.name}
      order={{ by: search.order ?? "version_number", isDescending: search.desc ?? search.order === undefined }}
      onOrder={onOrder}
      isStale={isStale}
      {...(current === undefined ? {} : { current })}
    />
  );
}

function Run({ workspace, name }: { readonly workspace: string; readonly name: string }) {
  if (name === "") return "—";
  return (
    <PathLink path={runPath(workspace, idOf(name))} title={idOf(name)}>
      <code>{idOf(name).slice(-SHOWN_ID)}</code>
    </PathLink>
  );
}
