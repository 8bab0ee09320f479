import { CircleCheck, CircleX, Clock, LoaderCircle } from "lucide-react";

import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { LoggedModel } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { LoggedModelStatus } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { idOf, modelIn } from "~/api/names";
import { millis } from "~/api/times";
import { datasetsOf, lastMeasured, metricKeys } from "~/features/models/loggedModelMetrics";
import styles from "~/features/models/parts/LoggedModelsTable.module.css";
import { VersionLink } from "~/features/models/parts/VersionLink";
import type { LoggedModelsSearch } from "~/features/models/search";
import { quotedKey } from "~/filter/quote";
import { Button } from "~/shared/components/Button";
import { Num } from "~/shared/components/Num";
import { PathLink } from "~/shared/components/PathLink";
import { StatusWord } from "~/shared/components/Status";
import { Time } from "~/shared/components/Time";
import { runPath } from "~/shared/links";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

const SHOWN_ID = 8;
/** More keys than that would be a table that nobody reads; a search sorts by any. */
const SHOWN_METRICS = 20;

const STATUSES = {
  [LoggedModelStatus.UNSPECIFIED]: { word: "unknown", tone: "soft", Icon: Clock },
  [LoggedModelStatus.PENDING]: { word: "pending", tone: "busy", Icon: LoaderCircle },
  [LoggedModelStatus.READY]: { word: "ready", tone: "good", Icon: CircleCheck },
  [LoggedModelStatus.UPLOAD_FAILED]: { word: "upload failed", tone: "bad", Icon: CircleX },
} as const;

interface Properties {
  readonly workspace: string;
  readonly models: readonly LoggedModel[];
  /** The versions that were made of each, by its name; nothing while they are read. */
  readonly registered: ReadonlyMap<string, readonly ModelVersion[]> | undefined;
  readonly search: LoggedModelsSearch;
  readonly isStale: boolean;
  readonly onOrder: (by: string, isDescending: boolean) => void;
  readonly onRegister: (model: LoggedModel) => void;
}

export function LoggedModelsTable(properties: Properties) {
  const { workspace, models, registered, search, isStale, onOrder, onRegister } = properties;
  const columns: Column<LoggedModel>[] = [
    {
      id: "name",
      header: "Name",
      sort: "name",
      cell: (each) => <span title={idOf(each.name)}>{each.displayName}</span>,
    },
    { id: "status", header: "Status", sort: "status", cell: (each) => <StatusWord {...STATUSES[each.status]} /> },
    {
      id: "created",
      header: "Created",
      sort: "creation_timestamp",
      cell: (each) => <Time at={millis(each.createTime)} />,
    },
    {
      id: "run",
      header: "Run",
      cell: (each) =>
        each.sourceRun === "" ? (
          "—"
        ) : (
          <PathLink path={runPath(workspace, idOf(each.sourceRun))} title={idOf(each.sourceRun)}>
            <code>{idOf(each.sourceRun).slice(-SHOWN_ID)}</code>
          </PathLink>
        ),
    },
    { id: "type", header: "Type", sort: "model_type", cell: (each) => each.modelType },
    { id: "dataset", header: "Dataset", cell: (each) => datasetsOf(each.metrics).join(", ") },
    ...metricKeys(models)
      .slice(0, SHOWN_METRICS)
      .map((key) => ({
        id: `metric ${key}`,
        header: key,
        isNumber: true,
        sort: `metrics.${quotedKey(key)}`,
        cell: (each: LoggedModel) => <Num value={lastMeasured(each.metrics, key)?.value ?? null} />,
      })),
    {
      id: "registered",
      header: "Registered",
      cell: (each) => (
        <span className={styles.list}>
          {(registered?.get(each.name) ?? []).map((version) => (
            <VersionLink
              key={version.name}
              workspace={workspace}
              model={modelIn(version.name)}
              version={BigInt(idOf(version.name))}
              before={modelIn(version.name)}
            />
          ))}
        </span>
      ),
    },
    {
      id: "register",
      header: <span className="visually-hidden">Actions</span>,
      cell: (each) => (
        <Button
          kind="quiet"
          disabled={each.status !== LoggedModelStatus.READY}
          aria-label={`Register ${each.displayName}`}
          onClick={() => onRegister(each)}
        >
          Register
        </Button>
      ),
    },
  ];
  return (
    <Table
      label="Logged models"
      columns={columns}
      rows={models}
      keyOf={(each) => each.name}
      {...(search.order === undefined ? {} : { order: { by: search.order, isDescending: search.desc === true } })}
      onOrder={onOrder}
      isStale={isStale}
    />
  );
}
