import { lazy, Suspense } from "react";

import { Skeleton } from "~/shared/components/Skeleton";
import { bytes } from "~/shared/format/numbers";
import { NotShown } from "~/viewers/NotShown";
import type { Shown } from "~/viewers/reading";
import { LARGEST_BYTES, viewerOf } from "~/viewers/viewerOf";

const VIEWERS = {
  text: lazy(() => import("~/viewers/TextViewer")),
  json: lazy(() => import("~/viewers/JsonViewer")),
  markdown: lazy(() => import("~/viewers/MarkdownViewer")),
  table: lazy(() => import("~/viewers/TableViewer")),
  parquet: lazy(() => import("~/viewers/ParquetViewer")),
  image: lazy(() => import("~/viewers/ImageViewer")),
  html: lazy(() => import("~/viewers/HtmlViewer")),
  pdf: lazy(() => import("~/viewers/PdfViewer")),
  unknown: lazy(() => import("~/viewers/UnknownViewer")),
} as const;
const MediaViewer = lazy(() => import("~/viewers/MediaViewer"));

/** Shows a file by what its kind needs; each kind is loaded when it is needed. */
export function Viewer({ file }: { readonly file: Shown }) {
  return (
    <Suspense fallback={<Skeleton />}>
      <OfKind file={file} />
    </Suspense>
  );
}

function OfKind({ file }: { readonly file: Shown }) {
  const kind = viewerOf(file.name, file.mediaType, file.size);
  if (file.size === 0) return <NotShown file={file} why="This file is empty." />;
  if (kind === "tooLarge") {
    return (
      <NotShown
        file={file}
        why={`With ${bytes(file.size)}, it is larger than what is shown as a whole (${bytes(LARGEST_BYTES)}).`}
      />
    );
  }
  if (kind === "audio" || kind === "video") return <MediaViewer file={file} kind={kind} />;
  const Chosen = VIEWERS[kind];
  return <Chosen file={file} />;
}
