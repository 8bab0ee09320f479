import { lazy, Suspense } from "react";

import styles from "~/shared/components/Markdown.module.css";

const Rendered = lazy(() => import("~/shared/components/MarkdownRendered"));

/** Markdown that somebody wrote: without its scripts, and with its images only from this server. */
export function Markdown({ text }: { readonly text: string }) {
  return (
    <div className={styles.markdown}>
      <Suspense fallback={<pre>{text}</pre>}>
        <Rendered text={text} />
      </Suspense>
    </div>
  );
}
