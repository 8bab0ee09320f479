import { useState } from "react";

import { showUrl } from "~/api/files";
import { Markdown } from "~/shared/components/Markdown";
import { ScrollRegion } from "~/shared/components/ScrollRegion";
import { Code } from "~/viewers/Code";
import { Choice, Frame } from "~/viewers/Frame";
import styles from "~/viewers/MarkdownViewer.module.css";
import { Part } from "~/viewers/Part";
import type { Shown } from "~/viewers/reading";
import { textIn } from "~/viewers/reading";
import { besides } from "~/viewers/besides";

const FIRST_BYTES = 256 * 1024;
const VIEWS = [
  ["read", "Rendered"],
  ["source", "Source"],
] as const;

export default function MarkdownViewer({ file }: { readonly file: Shown }) {
  const [view, setView] = useState<(typeof VIEWS)[number][0]>("read");
  const choice = <Choice label="How it is shown" choices={VIEWS} chosen={view} onChoose={setView} />;
  const imageUrl = (source: string): string | null => {
    const path = besides(file.place.path, source);
    return path === null ? null : showUrl({ owner: file.place.owner, path });
  };
  return (
    <Part file={file} first={FIRST_BYTES}>
      {(read, more) =>
        view === "source" ? (
          <Code text={textIn(read)} name={file.name} note={more} controls={choice} />
        ) : (
          <Frame note={more} controls={choice}>
            <ScrollRegion label={file.name} className={styles.page}>
              <Markdown text={textIn(read)} imageUrl={imageUrl} />
            </ScrollRegion>
          </Frame>
        )
      }
    </Part>
  );
}
