import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { failureOf } from "~/api/errors";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { Run } from "~/api/gen/trivet/tracking/v1/run_pb";
import { idOf, modelIn } from "~/api/names";
import styles from "~/features/models/parts/Lineage.module.css";
import { VersionLink } from "~/features/models/parts/VersionLink";
import { relativesQuery, sourceRunQuery } from "~/features/models/queries";
import { CopyButton } from "~/shared/components/CopyButton";
import { Num } from "~/shared/components/Num";
import { PathLink } from "~/shared/components/PathLink";
import { Problem } from "~/shared/components/Problem";
import { Facts, Section } from "~/shared/components/Section";
import { Status } from "~/shared/components/Status";
import { experimentPath, runPath } from "~/shared/links";

/** How many params and metrics are shown here; all are on the page of the run. */
const SHOWN = 12;

interface Properties {
  readonly workspace: string;
  readonly version: ModelVersion;
}

/** Where a version came from, and what else came from there. */
export function Lineage({ workspace, version }: Properties) {
  const { source } = version;
  const run = source?.run ?? "";
  const made = useQuery(sourceRunQuery(run));
  const related = useQuery(relativesQuery(workspace, version));
  const relatives = related.data?.modelVersions ?? [];
  const copies = relatives.filter((each) => isCopyOf(each, version));
  const siblings = relatives.filter(
    (each) => each.name !== version.name && each.name !== version.copiedFrom && !isCopyOf(each, version),
  );
  return (
    <Section title="Where it came from">
      {made.isError && <Problem failure={failureOf(made.error)} onRetry={() => void made.refetch()} />}
      {related.isError && <Problem failure={failureOf(related.error)} onRetry={() => void related.refetch()} />}
      <Facts
        facts={[
          ["Run", run === "" ? "not known" : <SourceRun workspace={workspace} run={run} made={made.data} />],
          [
            "Experiment",
            made.data === undefined || made.data === null ? null : (
              <PathLink path={experimentPath(workspace, idOf(made.data.experiment.name))}>
                {made.data.experiment.displayName}
              </PathLink>
            ),
          ],
          ["Metrics", made.data === undefined || made.data === null ? null : <Metrics run={made.data.run} />],
          ["Params", made.data === undefined || made.data === null ? null : <Params run={made.data.run} />],
          ["Datasets", (source?.datasets.length ?? 0) === 0 ? null : <Datasets version={version} />],
          ["Commit", (source?.commit ?? "") === "" ? null : <Copied text={source?.commit ?? ""} what="commit" />],
          [
            "Logged model",
            (source?.loggedModel ?? "") === "" ? null : (
              <Copied text={idOf(source?.loggedModel ?? "")} what="id of the logged model" />
            ),
          ],
          ["Files of", <Copied key="files" text={sourceOf(version)} what="source" />],
          ["Copied from", version.copiedFrom === "" ? null : <Named workspace={workspace} name={version.copiedFrom} />],
          ["Copied to", copies.length === 0 ? null : <All workspace={workspace} versions={copies} />],
          ["Also of this run", siblings.length === 0 ? null : <All workspace={workspace} versions={siblings} />],
        ]}
      />
    </Section>
  );
}

const isCopyOf = (other: ModelVersion, version: ModelVersion): boolean =>
  version.artifactOwner !== "" &&
  other.source?.source.case === "artifacts" &&
  other.source.source.value.owner === version.artifactOwner;

function sourceOf(version: ModelVersion): string {
  const source = version.source?.source;
  if (source?.case === "externalUri") return source.value;
  if (source?.case !== "artifacts") return "";
  const { owner, path } = source.value;
  return path === "" ? owner : `${owner}/${path}`;
}

interface SourceRunProperties {
  readonly workspace: string;
  readonly run: string;
  /** Null where it is gone, nothing while it is read. */
  readonly made: { readonly run: Run } | null | undefined;
}

function SourceRun({ workspace, run, made }: SourceRunProperties) {
  if (made === null) return <span className={styles.soft}>{idOf(run)}, which is gone by now</span>;
  return (
    <>
      <PathLink path={runPath(workspace, idOf(run))}>{made?.run.displayName ?? idOf(run)}</PathLink>
      {made !== undefined && <Status status={made.run.status} isStale={made.run.stale} />}
    </>
  );
}

function Metrics({ run }: { readonly run: Run }) {
  return (
    <Numbers entries={run.metrics.map((each) => [each.key, <Num key={each.key} value={each.value} />] as const)} />
  );
}

function Params({ run }: { readonly run: Run }) {
  return <Numbers entries={Object.entries(run.params).toSorted(([one], [other]) => (one < other ? -1 : 1))} />;
}

function Numbers({ entries }: { readonly entries: readonly (readonly [string, ReactNode])[] }) {
  if (entries.length === 0) return <span className={styles.soft}>none</span>;
  return (
    <dl className={styles.numbers}>
      {entries.slice(0, SHOWN).map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{value}</dd>
        </div>
      ))}
      {entries.length > SHOWN && <div className={styles.soft}>and {entries.length - SHOWN} more</div>}
    </dl>
  );
}

function Datasets({ version }: { readonly version: ModelVersion }) {
  return (
    <ul className={styles.list}>
      {(version.source?.datasets ?? []).map((each) => (
        <li key={`${each.name} ${each.digest} ${each.context}`}>
          {each.name} <code>@{each.digest}</code>
          {each.context !== "" && <span className={styles.soft}> {each.context}</span>}
        </li>
      ))}
    </ul>
  );
}

function Copied({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <>
      <code>{text}</code>
      <CopyButton text={text} label={`Copy the ${what}`} />
    </>
  );
}

function Named({ workspace, name }: { readonly workspace: string; readonly name: string }) {
  return (
    <VersionLink workspace={workspace} model={modelIn(name)} version={BigInt(idOf(name))} before={modelIn(name)} />
  );
}

function All({ workspace, versions }: { readonly workspace: string; readonly versions: readonly ModelVersion[] }) {
  return (
    <ul className={styles.list}>
      {versions.map((each) => (
        <li key={each.name}>
          <Named workspace={workspace} name={each.name} />
        </li>
      ))}
    </ul>
  );
}
