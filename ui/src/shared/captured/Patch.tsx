import { Decoration, Diff, Hunk, parseDiff } from "react-diff-view";

import styles from "~/shared/captured/Patch.module.css";
import { ScrollRegion } from "~/shared/components/ScrollRegion";

interface Properties {
  readonly text: string;
  /** What it is: its name for people who do not see it. */
  readonly label: string;
  /** Whether what was before stands beside what is now, and not above it. */
  readonly isSplit?: boolean;
}

/** A diff of git, file by file. */
export default function Patch({ text, label, isSplit = false }: Properties) {
  const files = parseDiff(text);
  return (
    <ScrollRegion label={label} className={styles.patch}>
      {files.map((file) => (
        <section key={`${file.oldPath} ${file.newPath}`}>
          <h3 className={styles.path}>{file.type === "delete" ? file.oldPath : file.newPath}</h3>
          {file.isBinary === true && <p className={styles.hunk}>Not text</p>}
          <Diff viewType={isSplit ? "split" : "unified"} diffType={file.type} hunks={file.hunks}>
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
