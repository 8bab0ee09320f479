/**
 * Where links of MLflow lead: its clients print `URL/#/experiments/1/runs/ID`, and people have kept such links for years.
 */
export function pathOfMlflow(path: string, hash: string): string | null {
  const workspace = /^\/w\/[^/]+/.exec(path)?.[0] ?? "/w/default";
  const [route = "", query = ""] = hash.replace(/^#/, "").split("?");
  const parts = route.split("/").filter((part) => part !== "");
  const [first, second, third, fourth] = parts;
  if (first === "experiments" && second !== undefined) {
    if (third === "runs" && fourth !== undefined) return `${workspace}/runs/${fourth}`;
    return `${workspace}/experiments/${second}`;
  }
  if (first === "experiments") return `${workspace}/experiments`;
  if (first === "compare-runs") {
    const runs = new URLSearchParams(query).get("runs") ?? "[]";
    const ids: unknown = parsed(runs);
    return Array.isArray(ids)
      ? `${workspace}/compare?runs=${encodeURIComponent(JSON.stringify(ids))}`
      : `${workspace}/experiments`;
  }
  if (first === "models" && second !== undefined) {
    return third === "versions" && fourth !== undefined
      ? `${workspace}/models/${second}/versions/${fourth}`
      : `${workspace}/models/${second}`;
  }
  return first === "models" ? `${workspace}/models` : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Replaces a link of MLflow by ours, before anything looks at it. */
export function goWhereMlflowWas(): void {
  const { pathname, hash } = globalThis.location;
  const path = hash.startsWith("#/") ? pathOfMlflow(pathname, hash) : null;
  if (path !== null) globalThis.history.replaceState(null, "", path);
}
