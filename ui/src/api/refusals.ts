import { Code, ConnectError } from "@connectrpc/connect";
import type { Interceptor } from "@connectrpc/connect";

const refusals = new EventTarget();
const REFUSED = "refused";

/** Calls somebody whenever a server does not know who calls. Call what it returns to end that. */
export function onRefusal(listener: () => void): () => void {
  refusals.addEventListener(REFUSED, listener);
  return () => refusals.removeEventListener(REFUSED, listener);
}

/** Tells of calls that a server refused because it does not know who calls. */
export const heard: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) refusals.dispatchEvent(new Event(REFUSED));
    throw error;
  }
};
