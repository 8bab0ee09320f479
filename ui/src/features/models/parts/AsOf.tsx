import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import type { ModelAsOf } from "~/api/gen/trivet/registry/v1/model_history_pb";
import type { PromotionRules } from "~/api/gen/trivet/registry/v1/promotion_rules_pb";
import { fromLocalInput, toLocalInput } from "~/shared/format/localTime";
import styles from "~/features/models/parts/AsOf.module.css";
import bar from "~/features/models/parts/bar.module.css";
import { Stage } from "~/features/models/parts/Stage";
import { VersionLink } from "~/features/models/parts/VersionLink";
import type { ViewProperties } from "~/features/models/parts/viewProperties";
import { asOfQuery } from "~/features/models/queries";
import { stagesOf } from "~/features/models/stages";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { fullTime } from "~/shared/format/times";
import type { Column } from "~/shared/table/Table";
import { Table } from "~/shared/table/Table";

interface Properties extends ViewProperties {
  readonly rules: PromotionRules | undefined;
}

/** A stage or an alias, and the versions that it held then and holds now. */
interface Place {
  readonly name: string;
  readonly held: readonly bigint[];
  readonly holds: readonly bigint[];
}

/** Which version held each stage and alias at a time, beside how it is now. */
export function AsOf({ workspace, model, search, onSearch, rules }: Properties) {
  const [openedAt] = useState(Date.now);
  const at = search.at ?? openedAt;
  const then = useQuery({ ...asOfQuery(workspace, model, at), placeholderData: keepPreviousData });
  const now = useQuery({ ...asOfQuery(workspace, model, openedAt) });
  const failed = [then, now].find((each) => each.isError);
  return (
    <>
      <div className={bar.bar}>
        <label>
          As of
          <input
            type="datetime-local"
            step={1}
            value={toLocalInput(at)}
            max={toLocalInput(openedAt)}
            onChange={(event) => {
              const chosen = fromLocalInput(event.target.value);
              if (chosen !== null) onSearch({ at: chosen });
            }}
          />
        </label>
        {then.data !== undefined && (
          <span className={bar.soft}>
            {fullTime(at)}
            {then.data.exists && `, after entry ${then.data.sequence} of the history`}
            {then.data.exists && then.data.modelId !== model && `; it was named ${then.data.modelId}`}
          </span>
        )}
      </div>
      {failed !== undefined && <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />}
      {then.isPending && <Skeleton rows={4} />}
      {then.data?.exists === false && <Empty title="The model was not there then" />}
      {then.data?.exists === true && now.data !== undefined && (
        <div className={styles.tables}>
          <Places
            workspace={workspace}
            model={model}
            title="Stages"
            places={stagePlaces(then.data, now.data, rules)}
            rules={rules}
            isStale={then.isPlaceholderData}
          />
          <Places
            workspace={workspace}
            model={model}
            title="Aliases"
            places={aliasPlaces(then.data, now.data)}
            rules={rules}
            isStale={then.isPlaceholderData}
          />
        </div>
      )}
    </>
  );
}

function stagePlaces(then: ModelAsOf, now: ModelAsOf, rules: PromotionRules | undefined): Place[] {
  const names = new Set([...stagesOf(rules), ...[...then.stages, ...now.stages].map((each) => each.stage)]);
  return [...names].map((name) => ({ name, held: versionsIn(then, name), holds: versionsIn(now, name) }));
}

const versionsIn = (model: ModelAsOf, stage: string): readonly bigint[] =>
  model.stages.find((each) => each.stage === stage)?.versions ?? [];

function aliasPlaces(then: ModelAsOf, now: ModelAsOf): Place[] {
  const names = new Set([...Object.keys(then.aliases), ...Object.keys(now.aliases)]);
  return [...names].toSorted().map((name) => ({ name, held: versionAt(then, name), holds: versionAt(now, name) }));
}

function versionAt(model: ModelAsOf, alias: string): readonly bigint[] {
  const found = model.aliases[alias];
  return found === undefined ? [] : [found];
}

interface PlacesProperties {
  readonly workspace: string;
  readonly model: string;
  readonly title: "Stages" | "Aliases";
  readonly places: readonly Place[];
  readonly rules: PromotionRules | undefined;
  readonly isStale: boolean;
}

function Places({ workspace, model, title, places, rules, isStale }: PlacesProperties) {
  if (places.length === 0) return <p>No {title.toLowerCase()} then, and none now.</p>;
  const versions = (numbers: readonly bigint[]) =>
    numbers.length === 0 ? (
      "—"
    ) : (
      <span className={styles.versions}>
        {numbers.map((each) => (
          <VersionLink key={String(each)} workspace={workspace} model={model} version={each} />
        ))}
      </span>
    );
  const columns: Column<Place>[] = [
    {
      id: "name",
      header: title === "Stages" ? "Stage" : "Alias",
      cell: (each) => (title === "Stages" ? <Stage stage={each.name} rules={rules} /> : `@${each.name}`),
    },
    { id: "then", header: "Then", cell: (each) => versions(each.held) },
    { id: "now", header: "Now", cell: (each) => versions(each.holds) },
    {
      id: "changed",
      header: <span className="visually-hidden">Changed</span>,
      cell: (each) =>
        each.held.join() === each.holds.join() ? "" : <span className={styles.changed}>changed since</span>,
    },
  ];
  return <Table label={title} columns={columns} rows={places} keyOf={(each) => each.name} isStale={isStale} />;
}
