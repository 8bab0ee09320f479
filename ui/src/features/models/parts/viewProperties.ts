import type { ModelSearch } from "~/features/models/search";

/** What each view of a model gets. */
export interface ViewProperties {
  readonly workspace: string;
  /** The model's id. */
  readonly model: string;
  readonly search: ModelSearch;
  readonly onSearch: (change: Partial<ModelSearch>) => void;
}
