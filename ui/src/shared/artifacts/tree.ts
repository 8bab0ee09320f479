import type { Place } from "~/api/files";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import { ArtifactKind } from "~/api/gen/trivet/artifacts/v1/artifact_pb";
import type { LoggedModel } from "~/api/gen/trivet/tracking/v1/logged_model_pb";
import { idOf } from "~/api/names";

/** A logged model as a folder in the tree of its run. */
export interface ModelRoot {
  /** What the folder is called: as the model, or with its id where a newer model has the same name. */
  readonly name: string;
  readonly model: LoggedModel;
}

/** Something in the tree, by its path there. */
export interface Entry {
  readonly path: string;
  readonly name: string;
  readonly isFolder: boolean;
  /** Where it is: a file at the first of these; a folder has what lies at each of them. */
  readonly places: readonly Place[];
  /** The file; absent for folders. */
  readonly file?: Artifact;
  /** The logged model whose folder it is. */
  readonly model?: LoggedModel;
}

/** The folders of a run's logged models. The newest of a name has it, as in lists of MLflow. */
export function modelRoots(newestFirst: readonly LoggedModel[]): readonly ModelRoot[] {
  const taken = new Set<string>();
  return newestFirst.map((model) => {
    const isFirst = !taken.has(model.displayName);
    taken.add(model.displayName);
    return { name: isFirst ? model.displayName : `${model.displayName} (${idOf(model.name)})`, model };
  });
}

/** Where that is which has a path in the tree; what a model has comes first, then what the owner itself has. */
export function placesOf(owner: string, models: readonly ModelRoot[], path: string): readonly Place[] {
  const [first = "", ...rest] = path.split("/");
  const root = models.find((each) => each.name === first);
  const own = { owner, path };
  return root === undefined ? [own] : [{ owner: root.model.name, path: rest.join("/") }, own];
}

/** What pages of listings have, each name once: what was listed first counts, and two folders are one. */
export function merged(folder: string, listed: readonly Artifact[]): readonly Entry[] {
  const entries = new Map<string, Entry>();
  for (const each of listed) {
    const name = lastOf(each.path);
    const place = { owner: each.owner, path: each.path };
    const isFolder = each.kind === ArtifactKind.FOLDER;
    const before = entries.get(name);
    if (before === undefined) {
      const file = isFolder ? {} : { file: each };
      entries.set(name, { path: joined(folder, name), name, isFolder, places: [place], ...file });
    } else if (before.isFolder && isFolder) {
      entries.set(name, { ...before, places: [...before.places, place] });
    }
  }
  return [...entries.values()];
}

/** The top of a tree: the folders of models, then what else there is. */
export function withModels(owner: string, models: readonly ModelRoot[], entries: readonly Entry[]): readonly Entry[] {
  const names = new Set(models.map((each) => each.name));
  const folders = models.map(({ name, model }) => ({
    path: name,
    name,
    isFolder: true,
    places: placesOf(owner, models, name),
    model,
  }));
  return [...folders, ...entries.filter((each) => !names.has(each.name))];
}

export const joined = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);

export const lastOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The folder that something lies in; empty for the top. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** All folders above a path, the top first. */
export function foldersAbove(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return ["", ...parts.map((_, place) => parts.slice(0, place + 1).join("/"))];
}

/** A name to show: characters that turn the direction of text could make it look like another one. */
export const shownName = (name: string): string => name.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
