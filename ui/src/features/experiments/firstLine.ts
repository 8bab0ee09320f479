/** The first line of a text in markdown, without its marks: what fits into a row. */
export function firstLine(markdown: string): string {
  const line = markdown.split("\n").find((each) => each.trim() !== "") ?? "";
  return line
    .replace(/^\s*(?:#{1,6}|[-*>])\s+/, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\*\*|`/g, "")
    .trim();
}
