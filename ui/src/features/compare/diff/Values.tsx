import type { ValuePair } from "~/features/compare/diff/changes";
import styles from "~/features/compare/diff/Diff.module.css";
import type { Pair } from "~/features/compare/diff/pair";
import type { Column } from "~/shared/table/Table";
import { VirtualTable } from "~/shared/table/VirtualTable";

interface Properties {
  readonly label: string;
  readonly pair: Pair;
  readonly rows: readonly ValuePair[];
  readonly mostRows?: number;
}

/** Names, and what stands for them in each of two runs. */
export function Values({ label, pair, rows, mostRows }: Properties) {
  const columns: readonly Column<ValuePair>[] = [
    {
      id: "name",
      header: label,
      cell: (row) => (
        <span title={row.name}>
          {row.name}
          {row.one !== row.other && <Differs />}
        </span>
      ),
    },
    { id: "one", header: pair.one.name, cell: ({ one }) => <Value value={one} isOther={false} /> },
    { id: "other", header: pair.other.name, cell: ({ one, other }) => <Value value={other} isOther={one !== other} /> },
  ];
  return (
    <VirtualTable
      label={label}
      columns={columns}
      widths="minmax(120px, 1fr) minmax(0, 2fr) minmax(0, 2fr)"
      rows={rows}
      keyOf={(row) => row.name}
      {...(mostRows === undefined ? {} : { mostRows })}
    />
  );
}

function Value({ value, isOther }: { readonly value: string | null; readonly isOther: boolean }) {
  return (
    <span className={isOther ? styles.other : ""} title={value ?? ""}>
      {value ?? "—"}
    </span>
  );
}

function Differs() {
  return (
    <span className={styles.differs}>
      <span aria-hidden>≠</span>
      <span className="visually-hidden"> differs</span>
    </span>
  );
}
