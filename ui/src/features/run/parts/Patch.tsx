import { Decoration, Diff, Hunk, parseDiff } from "react-diff-view";

import styles from "~/features/run/parts/Patch.module.css";
import { ScrollRegion } from "~/shared/components/ScrollRegion";

/** A diff of git, file by file. */
export default function Patch({ text }: { readonly text: string }) {
  const files = parseDiff(text);
  return (
    <ScrollRegion label="Changes since the commit" className={styles.patch}>
      {files.map((file) => (
        <section key={`${file.oldPath} ${file.newPath}`}>
          <h3 className={styles.path}>{file.type === "delete" ? file.oldPath : file.newPath}</h3>
          {file.isBinary === true && <p className={styles.hunk}>Not text</p>}
          <Diff viewType="unified" diffType={file.type} hunks={file.hunks}>
            {(hunks) =>
              hunks.flatMap((hunk) => [
                <Decoration key={`at ${hunk.content}`}>
                  <div className={styles.hunk}>{hunk.content}</div>
                </Decoration>,
                <Hunk key={hunk.content} hunk={hunk} />,
              ])
            }
          </Diff>
        </section>
      ))}
    </ScrollRegion>
  );
}
