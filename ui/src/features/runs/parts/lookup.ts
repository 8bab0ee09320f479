import { createContext } from "react";

import type { MadeVersion } from "~/features/runs/queries";
import type { RunRow } from "~/features/runs/rows";

/** What cells need beside their run. */
export interface Lookup {
  readonly workspace: string;
  /** What experiments are called, by id. */
  readonly experimentNames: ReadonlyMap<string, string>;
  /** The registered versions that runs made, by the id of the run. */
  readonly versions: ReadonlyMap<string, readonly MadeVersion[]>;
  readonly onRename: (row: RunRow) => void;
  readonly onDelete: (row: RunRow) => void;
  readonly onRestore: (row: RunRow) => void;
}

const nothing = (): void => undefined;

export const LookupContext = createContext<Lookup>({
  workspace: "",
  experimentNames: new Map(),
  versions: new Map(),
  onRename: nothing,
  onDelete: nothing,
  onRestore: nothing,
});
