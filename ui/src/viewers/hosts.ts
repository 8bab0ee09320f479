const ASKING =
  /<(?:script|link|img|iframe|source|video|audio)\b[^>]{0,2000}?\b(?:src|href)\s*=\s*["']?(?:https?:)?\/\/([a-z0-9.-]+)/gi;
const MOST = 3;

/** Servers that a document loads something from, as far as its tags say so; some of them where there are many. */
export function hostsIn(html: string): readonly string[] {
  const hosts = new Set<string>();
  for (const [, host = ""] of html.matchAll(ASKING)) {
    hosts.add(host.toLowerCase());
    if (hosts.size === MOST) break;
  }
  return [...hosts];
}
