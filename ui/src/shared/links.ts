/** The paths of pages, for links to features that do not know each other. */

const below = (workspace: string, ...parts: readonly string[]): string =>
  ["/w", workspace, ...parts].map((part, place) => (place === 0 ? part : encodeURIComponent(part))).join("/");

export const experimentsPath = (workspace: string): string => below(workspace, "experiments");
export const experimentPath = (workspace: string, id: string): string => below(workspace, "experiments", id);
export const chartsPath = (workspace: string, experiment: string): string =>
  below(workspace, "experiments", experiment, "charts");
export const runPath = (workspace: string, id: string): string => below(workspace, "runs", id);
export const comparePath = (workspace: string, runs: readonly string[]): string =>
  `${below(workspace, "compare")}?runs=${encodeURIComponent(JSON.stringify(runs))}`;
export const loggedModelsPath = (workspace: string, experiment: string): string =>
  below(workspace, "experiments", experiment, "models");
export const versionPath = (workspace: string, model: string, version: number | string): string =>
  below(workspace, "models", model, "versions", String(version));
