import { useQueries } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";

import { failureOf } from "~/api/errors";
import { digestOf } from "~/api/files";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import type { FilePair } from "~/features/compare/diff/changes";
import styles from "~/features/compare/diff/Diff.module.css";
import type { Pair } from "~/features/compare/diff/pair";
import { patchOf } from "~/features/compare/diff/patch";
import { textOf } from "~/features/compare/diff/queries";
import { lastOf } from "~/shared/artifacts/tree";
import { Empty } from "~/shared/components/Empty";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { bytes } from "~/shared/format/numbers";
import type { ViewerKind } from "~/viewers/viewerOf";
import { viewerOf } from "~/viewers/viewerOf";
import { Viewer } from "~/viewers/Viewer";

const Patch = lazy(() => import("~/shared/captured/Patch"));

/** A larger text is no longer compared line by line. */
const MOST_BYTES = 2 ** 20;
const TEXTS: ReadonlySet<ViewerKind> = new Set<ViewerKind>(["text", "json", "markdown", "table", "html"]);

interface Properties {
  readonly pair: Pair;
  readonly file: FilePair;
}

/** A file as it is in each of two runs: line by line where it is text, else one beside the other. */
export function FileDiff({ pair, file }: Properties) {
  const { one, other, change } = file;
  if (change === "changed" && one !== null && other !== null && isText(one) && isText(other)) {
    return <TextDiff one={one} other={other} />;
  }
  return (
    <div className={styles.beside}>
      {(
        [
          [pair.one, one],
          [pair.other, other],
        ] as const
      ).map(([run, each]) => (
        <section key={run.id} className={styles.side} aria-label={`${file.path} of ${run.name}`}>
          <h3 className={styles.sideHead}>
            {run.name}
            {each !== null && <span className={styles.soft}>{bytes(each.sizeBytes)}</span>}
          </h3>
          <Side file={each} />
        </section>
      ))}
    </div>
  );
}

const isText = ({ path, mediaType, sizeBytes, referenceUri }: Artifact): boolean =>
  referenceUri === "" && sizeBytes <= MOST_BYTES && TEXTS.has(viewerOf(lastOf(path), mediaType, Number(sizeBytes)));

function TextDiff({ one, other }: { readonly one: Artifact; readonly other: Artifact }) {
  const [ones, others] = useQueries({ queries: [textOf(one), textOf(other)] });
  const patch = useMemo(
    () =>
      ones.data === undefined || others.data === undefined ? undefined : patchOf(one.path, ones.data, others.data),
    [one.path, ones.data, others.data],
  );
  const failed = [ones, others].find((each) => each.isError);
  if (failed !== undefined) {
    return <Problem failure={failureOf(failed.error)} onRetry={() => void failed.refetch()} />;
  }
  if (patch === undefined) return <Skeleton />;
  if (patch === null) return <Empty title="They differ in too much to be compared line by line" />;
  return (
    <Suspense fallback={<Skeleton />}>
      <Patch text={patch} label={`How ${one.path} differs`} isSplit />
    </Suspense>
  );
}

function Side({ file }: { readonly file: Artifact | null }) {
  const shown = useMemo(
    () =>
      file === null
        ? null
        : {
            place: { owner: file.owner, path: file.path },
            name: lastOf(file.path),
            size: Number(file.sizeBytes),
            digest: digestOf(file),
            mediaType: file.mediaType,
          },
    [file],
  );
  if (file === null || shown === null) return <Empty title="It has no such file" />;
  if (file.referenceUri !== "") {
    return <Empty title="This file stays where it is, and is not read from here" paste={file.referenceUri} />;
  }
  return <Viewer file={shown} />;
}
