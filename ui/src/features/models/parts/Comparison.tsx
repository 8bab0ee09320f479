import { useQuery } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";

import { hexOf } from "~/api/digests";
import { failureOf } from "~/api/errors";
import type { ModelVersion } from "~/api/gen/trivet/registry/v1/model_version_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { idOf } from "~/api/names";
import { millis } from "~/api/times";
import type { ComparedRow } from "~/features/models/comparison";
import { rowOf, runRows, signatureRows, tagRows } from "~/features/models/comparison";
import bar from "~/features/models/parts/bar.module.css";
import styles from "~/features/models/parts/Comparison.module.css";
import { Stage } from "~/features/models/parts/Stage";
import { VersionLink } from "~/features/models/parts/VersionLink";
import type { ViewProperties } from "~/features/models/parts/viewProperties";
import { chosenVersionsQuery, comparedRunsQuery } from "~/features/models/queries";
import { Button } from "~/shared/components/Button";
import { Num } from "~/shared/components/Num";
import { PathLink } from "~/shared/components/PathLink";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { fullTime } from "~/shared/format/times";
import { comparePath } from "~/shared/links";

const SHOWN_DIGITS = 12;
const SHOWN_ID = 8;

interface Properties extends ViewProperties {
  readonly rules: PromotionRules | undefined;
}

/** Versions side by side: what they are, what they take and give, and what their runs had and measured. */
export function Comparison({ workspace, model, search, onSearch, rules }: Properties) {
  const versions = useQuery(chosenVersionsQuery(workspace, model, search.compare ?? []));
  const runs = [...new Set(versions.data?.map((each) => each.source?.run ?? "").filter((run) => run !== ""))];
  const compared = useQuery(comparedRunsQuery(workspace, runs));
  const isDiffering = search.differing === true;
  const found = versions.data ?? [];
  const places = found.map((each) => compared.data?.runs.indexOf(each.source?.run ?? "") ?? -1);
  const ofRuns = compared.data?.compared ?? null;
  const groups: readonly (readonly [string, readonly ComparedRow[]])[] = [
    ["Version", versionRows(found)],
    ["Metrics of the run", runRows(ofRuns, "metrics", places)],
    ["Params of the run", runRows(ofRuns, "params", places)],
    ["Tags", tagRows(found)],
    ["Inputs", signatureRows(found.map((each) => each.signature?.inputs ?? ""))],
    ["Outputs", signatureRows(found.map((each) => each.signature?.outputs ?? ""))],
    ["Params of inference", signatureRows(found.map((each) => each.signature?.params ?? ""))],
  ];
  const shown = groups
    .map(([title, rows]) => [title, rows.filter((row) => !isDiffering || row.differs)] as const)
    .filter(([, rows]) => rows.length > 0);
  return (
    <>
      <div className={bar.bar}>
        <Button icon={<ArrowLeft />} onClick={() => onSearch({ compare: undefined, differing: undefined })}>
          All versions
        </Button>
        <label>
          <input
            type="checkbox"
            checked={isDiffering}
            onChange={(event) => onSearch({ differing: event.target.checked ? true : undefined })}
          />
          Differences only
        </label>
        {runs.length > 1 && <PathLink path={comparePath(workspace, runs.map(idOf))}>Charts of their runs</PathLink>}
      </div>
      {[versions, compared].map(
        (each) =>
          each.isError && (
            <Problem key={each.error.message} failure={failureOf(each.error)} onRetry={() => void each.refetch()} />
          ),
      )}
      {versions.isPending && <Skeleton />}
      {versions.data !== undefined && (
        <div className={styles.scroll}>
          <table className={styles.table} aria-label="Versions side by side">
            <thead>
              <tr>
                <th scope="col">
                  <span className="visually-hidden">What</span>
                </th>
                {found.map((each) => (
                  <th key={each.name} scope="col">
                    <VersionLink workspace={workspace} model={model} version={BigInt(idOf(each.name))} />{" "}
                    <Stage stage={each.stage} rules={rules} />
                  </th>
                ))}
              </tr>
            </thead>
            {shown.map(([title, rows]) => (
              <tbody key={title}>
                <tr>
                  <th scope="rowgroup" colSpan={found.length + 1} className={styles.group}>
                    {title}
                  </th>
                </tr>
                {rows.map((row) => (
                  <Row key={row.key} row={row} versions={found} isMarked={row.differs && !isDiffering} />
                ))}
              </tbody>
            ))}
          </table>
          {shown.length === 0 && <p>These versions do not differ.</p>}
        </div>
      )}
    </>
  );
}

function versionRows(versions: readonly ModelVersion[]): ComparedRow[] {
  const of = (key: string, value: (version: ModelVersion) => string): ComparedRow =>
    rowOf(
      key,
      versions.map((each) => value(each) || null),
    );
  return [
    of("Aliases", (each) => each.aliases.map((alias) => `@${alias}`).join(" ")),
    of("Description", (each) => each.description),
    of("Registered", (each) => fullTime(millis(each.createTime) ?? 0)),
    of("By", (each) => each.createdBy),
    of("Run", (each) => idOf(each.source?.run ?? "").slice(-SHOWN_ID)),
    of("Commit", (each) => (each.source?.commit ?? "").slice(0, SHOWN_DIGITS)),
    of("Datasets", (each) => (each.source?.datasets ?? []).map((set) => `${set.name} @ ${set.digest}`).join(", ")),
    of("Files", (each) => hexOf(each.manifestSha256).slice(0, SHOWN_DIGITS)),
  ].filter((row) => row.values.some((each) => each !== null));
}

interface RowProperties {
  readonly row: ComparedRow;
  readonly versions: readonly ModelVersion[];
  readonly isMarked: boolean;
}

function Row({ row, versions, isMarked }: RowProperties) {
  return (
    <tr className={isMarked ? styles.differs : ""}>
      <th scope="row">{row.key}</th>
      {versions.map((each, place) => (
        <td key={each.name}>{shownValue(row.values[place] ?? null)}</td>
      ))}
    </tr>
  );
}

const shownValue = (value: string | number | null): ReactNode =>
  typeof value === "number" ? <Num value={value} /> : (value ?? "—");
