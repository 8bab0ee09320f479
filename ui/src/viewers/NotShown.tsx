import { Download } from "lucide-react";

import { saveUrl } from "~/api/files";
import { Empty } from "~/shared/components/Empty";
import styles from "~/viewers/NotShown.module.css";
import type { Shown } from "~/viewers/reading";

/** A file that is not shown: why, and how to get it. */
export function NotShown({ file, why }: { readonly file: Shown; readonly why: string }) {
  return (
    <Empty title={why}>
      <a href={saveUrl(file.place)} download={file.name} className={styles.link}>
        <Download aria-hidden /> Download {file.name}
      </a>
    </Empty>
  );
}
