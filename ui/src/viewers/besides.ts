/** The path of what a file refers to relative to itself; null where that is something else than a file of its owner. */
export function besides(path: string, reference: string): string | null {
  if (/^([a-z][a-z0-9+.-]*:|\/|#|\?)/i.test(reference)) return null;
  const parts = path.split("/").slice(0, -1);
  for (const part of reference.replace(/[?#].*$/, "").split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return null;
    } else if (part !== "." && part !== "") {
      parts.push(decoded(part));
    }
  }
  return parts.length === 0 ? null : parts.join("/");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
