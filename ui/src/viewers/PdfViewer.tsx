import { showUrl } from "~/api/files";
import styles from "~/viewers/HtmlViewer.module.css";
import { NotShown } from "~/viewers/NotShown";
import type { Shown } from "~/viewers/reading";

/** A PDF, by the viewer of the browser, where it has one. */
export default function PdfViewer({ file }: { readonly file: Shown }) {
  if (!navigator.pdfViewerEnabled) return <NotShown file={file} why="This browser does not show PDF files." />;
  // oxlint-disable-next-line react/iframe-missing-sandbox -- browsers open no PDF in a sandbox; their viewer is one
  return <iframe title={file.name} src={showUrl(file.place)} className={styles.frame} />;
}
