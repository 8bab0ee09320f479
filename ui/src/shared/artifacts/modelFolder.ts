import { idOf, modelIn } from "~/api/names";
import type { Place } from "~/api/files";

/** The folder of a model: it has an MLmodel file. */
export interface ModelFolder {
  /** What it is called in the tree; empty where all files of the owner are the model. */
  readonly name: string;
  /** Where its files are: of a logged model its own, else of a run or version. */
  readonly place: Place;
  /** How clients call it: `models:/m-…`, `models:/NAME/3`, `runs:/ID/model`. */
  readonly uri: string;
}

/** How clients call what is at a place. */
export function uriOf({ owner, path }: Place): string {
  const kind = owner.split("/")[2];
  const inside = path === "" ? "" : `/${path}`;
  if (kind === "loggedModels") return `models:/${idOf(owner)}${inside}`;
  if (kind === "models") return `models:/${modelIn(owner)}/${idOf(owner)}${inside}`;
  return `runs:/${idOf(owner)}${inside}`;
}
