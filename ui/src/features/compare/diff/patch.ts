import { structuredPatch } from "diff";

/** Texts that differ in more than this would keep the page busy for too long. */
const MOST_MILLIS = 2000;
const CONTEXT = 3;

/** How a text differs from another one, as git writes it; empty where it does not, null where it takes too long to find out. */
export function patchOf(path: string, one: string, other: string): string | null {
  if (one === other) return "";
  const found = structuredPatch(path, path, one, other, undefined, undefined, {
    context: CONTEXT,
    timeout: MOST_MILLIS,
  });
  if (found === undefined) return null;
  const hunks = found.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) =>
    [`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`].concat(lines).join("\n"),
  );
  return [`diff --git a/${path} b/${path}`, `--- a/${path}`, `+++ b/${path}`, ...hunks, ""].join("\n");
}
