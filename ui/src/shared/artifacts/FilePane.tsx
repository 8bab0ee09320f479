import { Download } from "lucide-react";
import { useMemo } from "react";

import { digestOf, saveUrl } from "~/api/files";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import { millis } from "~/api/times";
import styles from "~/shared/artifacts/FilePane.module.css";
import { PaneHeader } from "~/shared/artifacts/PaneHeader";
import { lastOf } from "~/shared/artifacts/tree";
import { CopyButton } from "~/shared/components/CopyButton";
import { Empty } from "~/shared/components/Empty";
import { Time } from "~/shared/components/Time";
import { bytes, count } from "~/shared/format/numbers";
import { Viewer } from "~/viewers/Viewer";

const SHOWN_DIGITS = 12;

interface Properties {
  readonly file: Artifact;
  readonly path: string;
  readonly onPath: (path: string) => void;
}

/** A file: what is known of it, and what is in it. */
export function FilePane({ file, path, onPath }: Properties) {
  const name = lastOf(path);
  const digest = digestOf(file);
  const shown = useMemo(
    () => ({
      place: { owner: file.owner, path: file.path },
      name: lastOf(file.path),
      size: Number(file.sizeBytes),
      digest: digestOf(file),
      mediaType: file.mediaType,
    }),
    [file],
  );
  const isElsewhere = file.referenceUri !== "";
  return (
    <div className={styles.pane}>
      <PaneHeader
        path={path}
        onPath={onPath}
        facts={[
          <span key="size" title={`${count(file.sizeBytes)} bytes`}>
            {bytes(file.sizeBytes)}
          </span>,
          file.mediaType,
          <Time key="time" at={millis(file.createTime)} />,
          ...(digest === ""
            ? []
            : [
                <span key="digest" className={styles.digest} title={digest}>
                  SHA-256 <code>{digest.slice(0, SHOWN_DIGITS)}…</code>
                  <CopyButton text={digest} label="Copy the digest" />
                </span>,
              ]),
          ...(file.verified || isElsewhere ? [] : ["not verified yet"]),
        ]}
        actions={
          !isElsewhere && (
            <a href={saveUrl(shown.place)} download={name} className={styles.download}>
              <Download aria-hidden /> Download
            </a>
          )
        }
      />
      {isElsewhere ? (
        <Empty title="This file stays where it is, and is not read from here" paste={file.referenceUri} />
      ) : (
        <Viewer file={shown} />
      )}
    </div>
  );
}
