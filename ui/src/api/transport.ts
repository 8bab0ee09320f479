import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { heard } from "~/api/refusals";

/** How long a call with one answer may take, in milliseconds. Streams last as long as somebody reads them. */
const PATIENCE_MS = 30_000;
const REQUEST_ID = "x-request-id";

/** Gives every call an id, which the logs of the servers have too; errors show it. */
const identified: Interceptor = (next) => (request) => {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  request.header.set(REQUEST_ID, Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  return next(request);
};

/** The gateway that the page came from. */
export const transport: Transport = createGrpcWebTransport({
  baseUrl: globalThis.location?.origin ?? "http://127.0.0.1",
  interceptors: [identified, heard],
  defaultTimeoutMs: PATIENCE_MS,
});
