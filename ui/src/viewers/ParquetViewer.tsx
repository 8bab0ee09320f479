import { useQuery } from "@tanstack/react-query";
import type { FileMetaData } from "hyparquet";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { useMemo, useRef, useState } from "react";

import type { Failure } from "~/api/errors";
import { failureOf } from "~/api/errors";
import { readBytes } from "~/api/files";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { count } from "~/shared/format/numbers";
import { compressors } from "~/viewers/compressors";
import { Frame } from "~/viewers/Frame";
import type { GridColumn } from "~/viewers/Grid";
import { Grid } from "~/viewers/Grid";
import type { Shown } from "~/viewers/reading";
import { valueText } from "~/viewers/values";

/** Rows that are read together. */
const BLOCK_ROWS = 500;
/** Where most files say what is in them; where more of them does, it is fetched too. */
const FOOTER_BYTES = 64 * 1024;
const KEPT_MS = 60_000;

type Block = readonly Readonly<Record<string, unknown>>[];

/** Some rows of a Parquet file at a time: only the bytes of those that are looked at are fetched. */
export default function ParquetViewer({ file }: { readonly file: Shown }) {
  const source = useMemo(() => sourceOf(file), [file]);
  const opened = useQuery({
    queryKey: ["parquet", file.place, file.digest],
    // How wide columns are is seen by the first rows, so nothing is shown before them.
    queryFn: async () => {
      const metadata = await parquetMetadataAsync(source, { initialFetchSize: FOOTER_BYTES });
      return { metadata, first: await rowsIn(source, metadata, 0) };
    },
    staleTime: Infinity,
    gcTime: KEPT_MS,
    structuralSharing: false,
  });
  if (opened.isPending) return <Skeleton />;
  if (opened.isError) return <Unreadable error={opened.error} onRetry={() => void opened.refetch()} />;
  return <Rows key={file.digest} file={file} source={source} {...opened.data} />;
}

interface RowsProperties {
  readonly file: Shown;
  readonly source: Source;
  readonly metadata: FileMetaData;
  readonly first: Block;
}

function Rows({ file, source, metadata, first }: RowsProperties) {
  const [blocks, setBlocks] = useState<ReadonlyMap<number, Block>>(() => new Map([[0, first]]));
  const reading = useRef(new Set([0]));
  const [failure, setFailure] = useState<Failure | null>(null);
  const columns = useMemo(() => columnsOf(metadata), [metadata]);
  const rowCount = Number(metadata.num_rows);
  const read = (block: number): void => {
    if (reading.current.has(block)) return;
    reading.current.add(block);
    void rowsIn(source, metadata, block).then(
      (rows) => {
        setBlocks((now) => new Map(now).set(block, rows));
        setFailure(null);
      },
      (error: unknown) => {
        reading.current.delete(block);
        setFailure(failureOf(error));
      },
    );
  };
  const onRows = (begin: number, end: number): void => {
    for (let block = Math.floor(begin / BLOCK_ROWS); block * BLOCK_ROWS < end; block += 1) read(block);
  };
  const valueAt = (row: number, column: number): string | null | undefined => {
    const block = blocks.get(Math.floor(row / BLOCK_ROWS));
    return block === undefined ? undefined : valueText(block[row % BLOCK_ROWS]?.[columns[column]?.name ?? ""]);
  };
  return (
    <Frame
      note={
        <>
          {count(rowCount)} {rowCount === 1 ? "row" : "rows"}, {count(columns.length)} columns,{" "}
          {count(metadata.row_groups.length)} row {metadata.row_groups.length === 1 ? "group" : "groups"}
        </>
      }
    >
      {failure !== null && <Problem failure={failure} />}
      <Grid label={`Table of ${file.name}`} columns={columns} rowCount={rowCount} valueAt={valueAt} onRows={onRows} />
    </Frame>
  );
}

function Unreadable({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  const failure = failureOf(error);
  const isOurs = failure.requestId !== "" || failure.isPassing;
  return (
    <Problem
      failure={
        isOurs ? failure : { ...failure, nextStep: "It may be cut, or be no Parquet file. Download it to look at it." }
      }
      onRetry={onRetry}
    />
  );
}

function columnsOf(metadata: FileMetaData): readonly GridColumn[] {
  return parquetSchema(metadata).children.map(({ element }) => ({
    name: element.name,
    type: element.logical_type?.type ?? element.converted_type ?? element.type ?? "nested",
  }));
}

/** The rows of a block. */
function rowsIn(source: Source, metadata: FileMetaData, block: number): Promise<Block> {
  const rowStart = block * BLOCK_ROWS;
  const rowEnd = Math.min(Number(metadata.num_rows), rowStart + BLOCK_ROWS);
  return parquetReadObjects({ file: source, metadata, rowStart, rowEnd, compressors });
}

type Source = ReturnType<typeof sourceOf>;

/** The file as hyparquet reads it: by parts. */
function sourceOf(file: Shown) {
  return {
    byteLength: file.size,
    slice: async (begin: number, end = file.size): Promise<ArrayBuffer> =>
      (await readBytes(file.place, { offset: begin, limit: end - begin })).buffer,
  };
}
