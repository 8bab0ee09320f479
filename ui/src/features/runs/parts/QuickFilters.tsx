import { useQuery } from "@tanstack/react-query";

import type { Scope } from "~/features/runs/queries";
import { datasetsQuery } from "~/features/runs/queries";
import type { RunsSearch } from "~/features/runs/search";
import { RUN_VIEWS, SINCES, STATUS_NAMES } from "~/features/runs/search";

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
  readonly search: RunsSearch;
  readonly onChange: (change: Partial<RunsSearch>) => void;
}

/** Filters that are chosen, beside the one that is typed. */
export function QuickFilters({ scope, search, onChange }: Properties) {
  const { data: datasets = [] } = useQuery(datasetsQuery(scope));
  const names =
    search.dataset === undefined || datasets.includes(search.dataset) ? datasets : [search.dataset, ...datasets];
  return (
    <>
      <select
        aria-label="State"
        value={search.view ?? ""}
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
        value={search.status ?? ""}
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
        value={search.since ?? ""}
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
          value={search.dataset ?? ""}
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
