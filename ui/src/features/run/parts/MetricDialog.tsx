import { useState } from "react";

import type { RunMetric } from "~/features/run/metrics";
import styles from "~/features/run/parts/Overview.module.css";
import { Dialog } from "~/shared/components/Dialog";
import { Field } from "~/shared/components/Field";
import { Num } from "~/shared/components/Num";
import type { Column } from "~/shared/table/Table";
import { VirtualTable } from "~/shared/table/VirtualTable";

interface Properties {
  readonly metrics: readonly RunMetric[];
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onChoose: (key: string) => void;
}

const MOST_ROWS = 10;

/** Asks for a metric. */
export function MetricDialog({ isOpen, onClose, ...rest }: Properties) {
  return (
    <Dialog title="Add a metric to the chart" isOpen={isOpen} onClose={onClose}>
      <Choice {...rest} />
    </Dialog>
  );
}

function Choice({ metrics, onChoose }: Pick<Properties, "metrics" | "onChoose">) {
  const [query, setQuery] = useState("");
  const passing = metrics.filter(({ key }) => key.toLowerCase().includes(query.toLowerCase()));
  const columns: readonly Column<RunMetric>[] = [
    {
      id: "key",
      header: "Name",
      cell: ({ key }) => (
        <button type="button" className={styles.key} onClick={() => onChoose(key)}>
          {key}
        </button>
      ),
    },
    { id: "last", header: "Last", isNumber: true, cell: ({ whole }) => <Num value={whole.value} /> },
  ];
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const [first] = passing;
        if (first !== undefined) onChoose(first.key);
      }}
    >
      <Field label="Name holds" hint="Enter takes the first">
        {(control) => (
          <input
            {...control}
            type="search"
            autoFocus
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
        )}
      </Field>
      <VirtualTable
        label="Metrics to add"
        columns={columns}
        widths="minmax(0, 1fr) 84px"
        rows={passing}
        keyOf={({ key }) => key}
        mostRows={MOST_ROWS}
      />
    </form>
  );
}
