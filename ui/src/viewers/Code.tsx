import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useMemo, useState } from "react";

import { Frame } from "~/viewers/Frame";
import { highlighted, languageOf } from "~/viewers/languages";
import { Lines } from "~/viewers/Lines";
import { linesOf, plainLines } from "~/viewers/tokens";

/** Marking larger code would hold up the page. */
const LARGEST_MARKED = 512 * 1024;
const WRAP = "trivet.wrap";

interface Properties {
  readonly text: string;
  /** Says by its end which language it is. */
  readonly name: string;
  readonly note?: ReactNode;
  readonly controls?: ReactNode;
}

/** Text and code, with numbers of lines. */
export function Code({ text, name, note, controls }: Properties) {
  const [isWrapped, setWrapped] = useState(() => localStorage.getItem(WRAP) === "yes");
  const language = text.length > LARGEST_MARKED ? null : languageOf(name);
  const marked = useQuery({
    queryKey: ["highlighted", language, text],
    queryFn: () => (language === null ? null : highlighted(text, language)),
    staleTime: Infinity,
    gcTime: 0,
  });
  const lines = useMemo(() => {
    const all = typeof marked.data === "string" ? linesOf(marked.data) : plainLines(text);
    // The line after the last new line is no line.
    return all.length > 1 && /[\r\n]$/.test(text) ? all.slice(0, -1) : all;
  }, [marked.data, text]);
  const wrap = (is: boolean): void => {
    setWrapped(is);
    localStorage.setItem(WRAP, is ? "yes" : "no");
  };
  return (
    <Frame
      note={
        <>
          {lines.length.toLocaleString("en-US")} {lines.length === 1 ? "line" : "lines"}
          {note !== undefined && <> · {note}</>}
        </>
      }
      controls={
        <>
          {controls}
          <label>
            <input type="checkbox" checked={isWrapped} onChange={(event) => wrap(event.target.checked)} /> Wrap lines
          </label>
        </>
      }
    >
      <Lines label={`Text of ${name}`} lines={lines} isWrapped={isWrapped} />
    </Frame>
  );
}
