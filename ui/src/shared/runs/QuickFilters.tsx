import { useQuery } from "@tanstack/react-query";

import type { RunsChoice } from "~/shared/runs/choice";
import { RUN_VIEWS, SINCES, STATUS_NAMES } from "~/shared/runs/choice";
import type { Scope } from "~/shared/runs/queries";
import { datasetsQuery } from "~/shared/runs/queries";

const SINCE_LABELS = {
  "1h": "last hour",
  "24h": "last day",
  "7d": "last week",
  "30d": "last month",
  "365d": "last year",
};
const VIEW_LABELS = { deleted: "deleted", all: "all states" };

interface Properties {
  readonly scope: Scope;
  readonly choice: RunsChoice;
  readonly onChange: (change: Partial<RunsChoice>) => void;
}

/** Filters that are chosen, beside the one that is typed. */
export function QuickFilters({ scope, choice, onChange }: Properties) {
  const { data: datasets = [] } = useQuery(datasetsQuery(scope));
  const names =
    choice.dataset === undefined || datasets.includes(choice.dataset) ? datasets : [choice.dataset, ...datasets];
  return (
    <>
      <select
        aria-label="State"
        value={choice.view ?? ""}
        onChange={(event) => onChange({ view: RUN_VIEWS.find((each) => each === event.target.value) })}
      >
        <option value="">in use</option>
        {RUN_VIEWS.map((view) => (
          <option key={view} value={view}>
            {VIEW_LABELS[view]}
          </option>
        ))}
      </select>
      <select
        aria-label="Status"
        value={choice.status ?? ""}
        onChange={(event) => onChange({ status: STATUS_NAMES.find((each) => each === event.target.value) })}
      >
        <option value="">any status</option>
        {STATUS_NAMES.map((status) => (
          <option key={status} value={status}>
            {status.toLowerCase()}
          </option>
        ))}
      </select>
      <select
        aria-label="Created"
        value={choice.since ?? ""}
        onChange={(event) => onChange({ since: SINCES.find((each) => each === event.target.value) })}
      >
        <option value="">any time</option>
        {SINCES.map((since) => (
          <option key={since} value={since}>
            {SINCE_LABELS[since]}
          </option>
        ))}
      </select>
      {names.length > 0 && (
        <select
          aria-label="Dataset"
          value={choice.dataset ?? ""}
          onChange={(event) => onChange({ dataset: event.target.value === "" ? undefined : event.target.value })}
        >
          <option value="">any dataset</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
    </>
  );
}
