import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useState } from "react";

import { failureOf } from "~/api/errors";
import { Button } from "~/shared/components/Button";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { bytes } from "~/shared/format/numbers";
import type { Shown } from "~/viewers/reading";
import { beginningOf } from "~/viewers/reading";
import { LARGEST_BYTES } from "~/viewers/viewerOf";

interface Properties {
  readonly file: Shown;
  /** How much is read at first, in bytes; more when somebody asks for it. */
  readonly first: number;
  /** Shows what was read. `more` says how much that is, and is absent where it is all. */
  readonly children: (read: Uint8Array<ArrayBuffer>, more: ReactNode | undefined) => ReactNode;
}

/** The beginning of a file, however large it is. */
export function Part({ file, first, children }: Properties) {
  const [limit, setLimit] = useState(first);
  const read = useQuery({ ...beginningOf(file, limit), placeholderData: keepPreviousData });
  if (read.isPending) return <Skeleton />;
  if (read.isError) return <Problem failure={failureOf(read.error)} onRetry={() => void read.refetch()} />;
  const got = read.data.length;
  if (got >= file.size) return children(read.data, undefined);
  const next = Math.min(limit * 8, LARGEST_BYTES);
  return children(
    read.data,
    <>
      The first {bytes(got)} of {bytes(file.size)}.{" "}
      {next > limit ? (
        <Button kind="quiet" disabled={read.isPlaceholderData} onClick={() => setLimit(next)}>
          {read.isPlaceholderData ? "Reading…" : `Read ${next >= file.size ? "all of it" : `up to ${bytes(next)}`}`}
        </Button>
      ) : (
        "Download the file to see the rest."
      )}
    </>,
  );
}

/** A file that is shown only as a whole. */
export function Whole({
  file,
  children,
}: {
  readonly file: Shown;
  readonly children: (read: Uint8Array<ArrayBuffer>) => ReactNode;
}) {
  const read = useQuery(beginningOf(file, file.size));
  if (read.isPending) return <Skeleton />;
  if (read.isError) return <Problem failure={failureOf(read.error)} onRetry={() => void read.refetch()} />;
  return children(read.data);
}
