import type { RunsSearch } from "~/features/runs/search";
import { isFiltered } from "~/shared/runs/filters";

/** Whether nested runs stand below their parents: a filter or an order of values would not find them there. */
export const isNested = (search: RunsSearch): boolean =>
  search.nested ?? (!isFiltered(search) && (search.order === undefined || search.order === "created"));
