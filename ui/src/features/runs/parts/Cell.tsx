import { use } from "react";

import type { RunColumn } from "~/features/runs/columns";
import { LookupContext } from "~/features/runs/parts/lookup";
import styles from "~/features/runs/parts/Cell.module.css";
import type { RunRow } from "~/features/runs/rows";
import { CopyButton } from "~/shared/components/CopyButton";
import { Num } from "~/shared/components/Num";
import { PathLink } from "~/shared/components/PathLink";
import { Status } from "~/shared/components/Status";
import { Duration, Time } from "~/shared/components/Time";
import { experimentPath, runPath, versionPath } from "~/shared/links";

interface Properties {
  readonly row: RunRow;
  readonly column: RunColumn;
}

/** What a column shows of a run. */
export function Cell({ row, column }: Properties) {
  const { group, key, part } = column;
  if (group === "metrics") {
    const values = row.metrics.get(key);
    return values === undefined ? null : <Num value={values[part]} />;
  }
  if (group === "params") return <Text text={row.params[key]} />;
  if (group === "tags") return <Text text={row.tags[key]} />;
  switch (key) {
    case "status":
      return <Status status={row.status} isStale={row.isStale} />;
    case "created":
      return <Time at={row.start} />;
    case "ended":
      return row.end === null ? null : <Time at={row.end} />;
    case "written":
      return <Time at={row.written} />;
    case "duration":
      return <Duration from={row.start} to={row.end} />;
    case "user":
      return <Text text={row.user} />;
    case "created_by":
      return <Text text={row.createdBy} />;
    case "source":
      return <Text text={row.source} />;
    case "commit":
      return row.commit === "" ? null : (
        <code title={row.commit} className={styles.text}>
          {row.commit.slice(0, 7)}
        </code>
      );
    case "datasets":
      return <Text text={row.datasets.map(datasetText).join(", ")} />;
    case "models":
      return <Models row={row} />;
    case "run_id":
      return <Id id={row.id} />;
    case "parent":
      return row.parent === "" ? null : <Parent id={row.parent} />;
    case "experiment":
      return <Experiment id={row.experiment} />;
    default:
      return null;
  }
}

function Text({ text }: { readonly text: string | undefined }) {
  if (text === undefined || text === "") return null;
  return (
    <span className={styles.text} title={text}>
      {text}
    </span>
  );
}

const datasetText = ({ name, digest, context }: RunRow["datasets"][number]): string =>
  `${name} (${digest})${context === "" ? "" : ` ${context}`}`;

function Id({ id }: { readonly id: string }) {
  return (
    <>
      <code className={styles.text}>{id}</code>
      <CopyButton text={id} label="Copy the run id" />
    </>
  );
}

function Parent({ id }: { readonly id: string }) {
  const { workspace } = use(LookupContext);
  return (
    <PathLink path={runPath(workspace, id)} className={styles.text}>
      <code>{id}</code>
    </PathLink>
  );
}

function Experiment({ id }: { readonly id: string }) {
  const { workspace, experimentNames } = use(LookupContext);
  return (
    <PathLink path={experimentPath(workspace, id)} className={styles.text}>
      {experimentNames.get(id) ?? id}
    </PathLink>
  );
}

function Models({ row }: { readonly row: RunRow }) {
  const { workspace, versions } = use(LookupContext);
  const registered = versions.get(row.id) ?? [];
  if (registered.length === 0) return <Text text={row.models.join(", ")} />;
  return (
    <span className={styles.text}>
      {registered.map(({ model, version }, place) => (
        <span key={`${model}/${version}`}>
          {place > 0 && ", "}
          <PathLink path={versionPath(workspace, model, version)}>
            {model} v{version}
          </PathLink>
        </span>
      ))}
    </span>
  );
}
