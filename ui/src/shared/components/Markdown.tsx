import { lazy, Suspense } from "react";

import styles from "~/shared/components/Markdown.module.css";

const Rendered = lazy(() => import("~/shared/components/MarkdownRendered"));

interface Properties {
  readonly text: string;
  /** The URL of an image that the text names; null for one that is not shown, but linked to. Default: as it is named. */
  readonly imageUrl?: (source: string) => string | null;
}

/** Markdown that somebody wrote: without its scripts, and with its images only from this server. */
export function Markdown(properties: Properties) {
  const { text } = properties;
  return (
    <div className={styles.markdown}>
      <Suspense fallback={<pre>{text}</pre>}>
        <Rendered {...properties} />
      </Suspense>
    </div>
  );
}
