import { QueryClient } from "@tanstack/react-query";

import { failureOf } from "~/api/errors";

const TRIES = 3;
const FRESH_MS = 5_000;

/** What was read, for a while; what may pass by itself is tried again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      retry: (tries, error) => tries < TRIES && failureOf(error).isPassing,
    },
  },
});
