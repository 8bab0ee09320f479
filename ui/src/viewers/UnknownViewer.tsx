import { useQuery } from "@tanstack/react-query";

import { failureOf } from "~/api/errors";
import { Problem } from "~/shared/components/Problem";
import { Skeleton } from "~/shared/components/Skeleton";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { bytes } from "~/shared/format/numbers";
import { Frame } from "~/viewers/Frame";
import { hexLines } from "~/viewers/hex";
import type { Shown } from "~/viewers/reading";
import { beginningOf, isText } from "~/viewers/reading";
import TextViewer from "~/viewers/TextViewer";
import styles from "~/viewers/UnknownViewer.module.css";

const LOOKED_AT = 1024;

/** A file of which nothing is known: as text where it begins like one, else its first bytes. */
export default function UnknownViewer({ file }: { readonly file: Shown }) {
  const read = useQuery(beginningOf(file, LOOKED_AT));
  if (read.isPending) return <Skeleton />;
  if (read.isError) return <Problem failure={failureOf(read.error)} onRetry={() => void read.refetch()} />;
  if (isText(read.data)) return <TextViewer file={file} />;
  return (
    <Frame
      note={`Not text. ${file.size > LOOKED_AT ? `The first ${bytes(LOOKED_AT)} of ${bytes(file.size)}:` : "Its bytes:"}`}
    >
      <ScrollRegion label={`Bytes of ${file.name}`} className={styles.hex}>
        <pre>{hexLines(read.data).join("\n")}</pre>
      </ScrollRegion>
    </Frame>
  );
}
