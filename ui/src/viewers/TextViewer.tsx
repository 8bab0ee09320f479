import { Code } from "~/viewers/Code";
import { Part } from "~/viewers/Part";
import type { Shown } from "~/viewers/reading";
import { textIn } from "~/viewers/reading";

const FIRST_BYTES = 2 ** 20;

export default function TextViewer({ file }: { readonly file: Shown }) {
  return (
    <Part file={file} first={FIRST_BYTES}>
      {(read, more) => <Code text={textIn(read)} name={file.name} note={more} />}
    </Part>
  );
}
