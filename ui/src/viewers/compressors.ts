import {
  decompressBrotli,
  decompressGzip,
  decompressLz4,
  decompressLz4Raw,
  decompressZstd,
} from "hyparquet-compressors";

/** How Parquet files are compressed. Snappy is part of hyparquet; the one beside it needs WebAssembly, which the policy of
 * the pages does not allow. */
export const compressors = {
  BROTLI: decompressBrotli,
  GZIP: decompressGzip,
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
  ZSTD: (input: Uint8Array): Uint8Array => decompressZstd(input),
};
