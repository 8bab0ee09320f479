import { useMemo, useRef, useState } from "react";

import { Code } from "~/viewers/Code";
import { Choice, Frame } from "~/viewers/Frame";
import styles from "~/viewers/HtmlViewer.module.css";
import { hostsIn } from "~/viewers/hosts";
import { Whole } from "~/viewers/Part";
import type { Shown } from "~/viewers/reading";
import { textIn } from "~/viewers/reading";

const SANDBOX = "/ui/sandbox.html";
const VIEWS = [
  ["page", "Page"],
  ["source", "Source"],
] as const;

export default function HtmlViewer({ file }: { readonly file: Shown }) {
  return <Whole file={file}>{(read) => <Views file={file} read={read} />}</Whole>;
}

function Views({ file, read }: { readonly file: Shown; readonly read: Uint8Array<ArrayBuffer> }) {
  const [view, setView] = useState<(typeof VIEWS)[number][0]>("page");
  const html = useMemo(() => textIn(read), [read]);
  const hosts = useMemo(() => hostsIn(html), [html]);
  const choice = <Choice label="How it is shown" choices={VIEWS} chosen={view} onChoose={setView} />;
  if (view === "source") return <Code text={html} name={file.name} controls={choice} />;
  return (
    <Frame
      note={
        hosts.length === 0
          ? "Its scripts run, cut off from this server and from the network."
          : `It asks for ${hosts.join(", ")}, which it may not: it is cut off from the network. Download it to see all of it.`
      }
      controls={choice}
    >
      <Sandboxed key={file.digest} title={file.name} html={html} />
    </Frame>
  );
}

/** Somebody's document in a frame that can reach neither this page, nor this server, nor another one (ADR 51). */
function Sandboxed({ title, html }: { readonly title: string; readonly html: string }) {
  const isSent = useRef(false);
  return (
    <iframe
      title={title}
      src={SANDBOX}
      sandbox="allow-scripts"
      referrerPolicy="no-referrer"
      className={styles.frame}
      onLoad={(event) => {
        // The frame loads once more when it has the document.
        if (isSent.current) return;
        isSent.current = true;
        // Its origin is opaque, and has no name to say here.
        event.currentTarget.contentWindow?.postMessage(html, "*");
      }}
    />
  );
}
