import { useMemo, useState } from "react";

import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { count } from "~/shared/format/numbers";
import { Code } from "~/viewers/Code";
import { Choice, Frame } from "~/viewers/Frame";
import { Grid } from "~/viewers/Grid";
import type { LoggedTable } from "~/viewers/json";
import { parseJson, tableIn } from "~/viewers/json";
import { JsonTree } from "~/viewers/JsonTree";
import styles from "~/viewers/JsonViewer.module.css";
import { Whole } from "~/viewers/Part";
import type { Shown } from "~/viewers/reading";
import { textIn } from "~/viewers/reading";
import { valueText } from "~/viewers/values";

type View = "table" | "tree" | "text";

const NAMES = { table: "Table", tree: "Tree", text: "Text" } as const;

export default function JsonViewer({ file }: { readonly file: Shown }) {
  return <Whole file={file}>{(read) => <Parsed file={file} read={read} />}</Whole>;
}

function Parsed({ file, read }: { readonly file: Shown; readonly read: Uint8Array<ArrayBuffer> }) {
  const text = useMemo(() => textIn(read), [read]);
  const parsed = useMemo(() => attempt(text), [text]);
  const table = useMemo(() => (parsed.fault === null ? tableIn(parsed.value) : null), [parsed]);
  const views: readonly View[] = [...(table === null ? [] : ["table" as const]), "tree", "text"];
  const [chosen, setView] = useState<View | null>(null);
  if (parsed.fault !== null) return <Code text={text} name={file.name} note={`Not JSON: ${parsed.fault}`} />;
  const view = chosen ?? views[0];
  const choice = (
    <Choice
      label="How it is shown"
      choices={views.map((each) => [each, NAMES[each]] as const)}
      chosen={view ?? "tree"}
      onChoose={setView}
    />
  );
  if (view === "table" && table !== null) return <Table file={file} table={table} choice={choice} />;
  if (view === "text") return <Code text={text} name={file.name} controls={choice} />;
  return (
    <Frame note="" controls={choice}>
      <ScrollRegion label={file.name} className={styles.tree}>
        <JsonTree value={parsed.value} />
      </ScrollRegion>
    </Frame>
  );
}

interface TableProperties {
  readonly file: Shown;
  readonly table: LoggedTable;
  readonly choice: React.ReactNode;
}

function Table({ file, table, choice }: TableProperties) {
  const columns = useMemo(() => table.columns.map((name) => ({ name })), [table]);
  return (
    <Frame
      note={`${count(table.data.length)} ${table.data.length === 1 ? "row" : "rows"}, ${count(columns.length)} columns`}
      controls={choice}
    >
      <Grid
        label={`Table of ${file.name}`}
        columns={columns}
        rowCount={table.data.length}
        valueAt={(row, column) => valueText(table.data[row]?.[column])}
      />
    </Frame>
  );
}

type Attempt = { readonly value: unknown; readonly fault: null } | { readonly fault: string };

/** Python writes NaN and Infinity, which are no JSON: such files are shown as text, with the reason. */
function attempt(text: string): Attempt {
  try {
    return { value: parseJson(text), fault: null };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
