import { queryOptions } from "@tanstack/react-query";

import { system } from "~/api/clients";

/** Whom the server takes the caller for. */
export const callerQuery = queryOptions({
  queryKey: ["server", "caller"],
  queryFn: ({ signal }) => system.whoAmI({}, { signal }),
});
