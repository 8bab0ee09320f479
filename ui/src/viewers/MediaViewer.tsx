import { useState } from "react";

import { showUrl } from "~/api/files";
import styles from "~/viewers/MediaViewer.module.css";
import { NotShown } from "~/viewers/NotShown";
import type { Shown } from "~/viewers/reading";

interface Properties {
  readonly file: Shown;
  readonly kind: "audio" | "video";
}

/** A sound or a film, of which the browser fetches what is played. */
export default function MediaViewer({ file, kind }: Properties) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken)
    return <NotShown file={file} why={`The browser cannot play this ${kind === "audio" ? "sound" : "film"}.`} />;
  const properties = {
    controls: true,
    preload: "metadata",
    src: showUrl(file.place),
    "aria-label": file.name,
    onError: () => setBroken(true),
  };
  return (
    <div className={styles.place}>
      {kind === "audio" ? (
        // oxlint-disable-next-line jsx-a11y/media-has-caption -- a file of a run has no captions beside it
        <audio {...properties} />
      ) : (
        // oxlint-disable-next-line jsx-a11y/media-has-caption -- as above
        <video {...properties} className={styles.film} />
      )}
    </div>
  );
}
