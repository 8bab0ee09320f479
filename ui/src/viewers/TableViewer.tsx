import type { ReactNode } from "react";
import { useMemo } from "react";

import { count } from "~/shared/format/numbers";
import { parseDelimited, separatorOf } from "~/viewers/delimited";
import { Frame } from "~/viewers/Frame";
import { Grid } from "~/viewers/Grid";
import { Part } from "~/viewers/Part";
import type { Shown } from "~/viewers/reading";
import { textIn } from "~/viewers/reading";
import { suffixOf } from "~/viewers/viewerOf";

const FIRST_BYTES = 4 * 2 ** 20;

export default function TableViewer({ file }: { readonly file: Shown }) {
  return (
    <Part file={file} first={FIRST_BYTES}>
      {(read, more) => <Delimited file={file} read={read} more={more} />}
    </Part>
  );
}

interface Properties {
  readonly file: Shown;
  readonly read: Uint8Array<ArrayBuffer>;
  readonly more: ReactNode | undefined;
}

function Delimited({ file, read, more }: Properties) {
  const isWhole = more === undefined;
  const [columns, rows] = useMemo(() => {
    const text = textIn(read);
    const [header = [], ...rows] = parseDelimited(text, separatorOf(text, suffixOf(file.name)), isWhole);
    const width = rows.slice(0, 100).reduce((most, row) => Math.max(most, row.length), header.length);
    return [Array.from({ length: width }, (_, place) => ({ name: header[place] ?? "" })), rows] as const;
  }, [read, file.name, isWhole]);
  return (
    <Frame
      note={
        <>
          {isWhole ? "" : "First "}
          {count(rows.length)} {rows.length === 1 ? "row" : "rows"}, {count(columns.length)}{" "}
          {columns.length === 1 ? "column" : "columns"}
          {more !== undefined && <> · {more}</>}
        </>
      }
    >
      <Grid
        label={`Table of ${file.name}`}
        columns={columns}
        rowCount={rows.length}
        valueAt={(row, column) => rows[row]?.[column] ?? ""}
      />
    </Frame>
  );
}
