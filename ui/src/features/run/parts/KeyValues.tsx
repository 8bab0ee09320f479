import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { failureOf } from "~/api/errors";
import type { RunMetric } from "~/features/run/metrics";
import { metricsQuery } from "~/features/run/metrics";
import styles from "~/features/run/parts/Overview.module.css";
import { CopyButton } from "~/shared/components/CopyButton";
import { Num } from "~/shared/components/Num";
import { Problem } from "~/shared/components/Problem";
import { Section } from "~/shared/components/Section";
import { Skeleton } from "~/shared/components/Skeleton";
import { count } from "~/shared/format/numbers";
import type { Column } from "~/shared/table/Table";
import { VirtualTable } from "~/shared/table/VirtualTable";

const MOST_ROWS = 12;
const collator = new Intl.Collator("en", { numeric: true });

type Param = readonly [string, string];

const PARAM_COLUMNS: readonly Column<Param>[] = [
  { id: "key", header: "Name", cell: ([key]) => <span title={key}>{key}</span> },
  { id: "value", header: "Value", cell: ([, value]) => <span title={value}>{value}</span> },
  { id: "copy", header: "", cell: ([key, value]) => <CopyButton text={value} label={`Copy the value of ${key}`} /> },
];

interface ParamsProperties {
  readonly params: Readonly<Record<string, string>>;
  /** What keys or values are to hold. */
  readonly query: string;
}

/** The params of a run. */
export function Params({ params, query }: ParamsProperties) {
  const all = useMemo(
    () => Object.entries(params).toSorted(([one], [other]) => collator.compare(one, other)),
    [params],
  );
  const rows = all.filter(([key, value]) => holds(key, query) || holds(value, query));
  return (
    <Section title={titled("Params", rows.length, all.length)}>
      {rows.length === 0 ? (
        <None what={all.length === 0 ? 'None. trivet.log_param("lr", 0.1) logs one.' : `No param holds “${query}”.`} />
      ) : (
        <VirtualTable
          label="Params"
          columns={PARAM_COLUMNS}
          widths="minmax(0, 1fr) minmax(0, 1fr) 28px"
          rows={rows}
          keyOf={([key]) => key}
          mostRows={MOST_ROWS}
        />
      )}
    </Section>
  );
}

interface MetricsProperties {
  readonly workspace: string;
  readonly run: string;
  /** What keys are to hold. */
  readonly query: string;
  /** Shows the chart of a metric. */
  readonly onChart: (key: string) => void;
}

/** The metrics of a run: where they stand, and how far they went. */
export function Metrics({ workspace, run, query, onChart }: MetricsProperties) {
  const { data: all, isError, error, refetch } = useQuery(metricsQuery(workspace, run));
  if (all === undefined) {
    return (
      <Section title="Metrics">
        {isError ? <Problem failure={failureOf(error)} onRetry={() => void refetch()} /> : <Skeleton />}
      </Section>
    );
  }
  const rows = all.filter(({ key }) => holds(key, query));
  const columns: readonly Column<RunMetric>[] = [
    {
      id: "key",
      header: "Name",
      cell: ({ key }) => (
        <button type="button" className={styles.key} title={`Chart of ${key}`} onClick={() => onChart(key)}>
          {key}
        </button>
      ),
    },
    { id: "last", header: "Last", isNumber: true, cell: ({ whole }) => <Num value={whole.value} /> },
    { id: "min", header: "Min", isNumber: true, cell: ({ whole }) => <Num value={whole.min} /> },
    { id: "max", header: "Max", isNumber: true, cell: ({ whole }) => <Num value={whole.max} /> },
    { id: "step", header: "Step", isNumber: true, cell: ({ whole }) => count(whole.step) },
    { id: "points", header: "Points", isNumber: true, cell: ({ whole }) => count(whole.pointCount) },
  ];
  return (
    <Section title={titled("Metrics", rows.length, all.length)}>
      {rows.length === 0 ? (
        <None
          what={all.length === 0 ? 'None yet. trivet.log_metric("loss", 0.1) logs one.' : `No metric holds “${query}”.`}
        />
      ) : (
        <VirtualTable
          label="Metrics"
          columns={columns}
          widths="minmax(0, 1fr) repeat(5, minmax(56px, 84px))"
          rows={rows}
          keyOf={({ key }) => key}
          mostRows={MOST_ROWS}
        />
      )}
    </Section>
  );
}

const titled = (title: string, shown: number, all: number): string =>
  all === 0 ? title : shown === all ? `${title} (${count(all)})` : `${title} (${count(shown)} of ${count(all)})`;

const holds = (text: string, query: string): boolean => text.toLowerCase().includes(query.toLowerCase());

const None = ({ what }: { readonly what: string }) => <p className={styles.none}>{what}</p>;
