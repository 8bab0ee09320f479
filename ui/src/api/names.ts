/** Resource names: `workspaces/W/experiments/E`, `workspaces/W/runs/R`, `workspaces/W/models/M/versions/N`. */

export const DEFAULT_WORKSPACE = "default";

export const workspaceName = (workspace: string): string => `workspaces/${workspace}`;
export const experimentName = (workspace: string, id: string): string => `workspaces/${workspace}/experiments/${id}`;
export const runName = (workspace: string, id: string): string => `workspaces/${workspace}/runs/${id}`;
export const savedViewName = (workspace: string, id: string): string => `workspaces/${workspace}/savedViews/${id}`;
export const modelName = (workspace: string, id: string): string => `workspaces/${workspace}/models/${id}`;
export const versionName = (workspace: string, model: string, version: number | string): string =>
  `workspaces/${workspace}/models/${model}/versions/${version}`;

/** The last part of a resource name. */
export const idOf = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

/** The model in the name of a model or of one of its versions. */
export const modelIn = (name: string): string => name.split("/")[3] ?? "";
