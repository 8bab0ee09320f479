/** A session has begun, or was ended, in another window of this browser. */
export type SessionChange = "begun" | "ended";

const CHANNEL = "trivet-session";

/** Tells the other windows. */
export function tellSessionChange(change: SessionChange): void {
  const channel = new BroadcastChannel(CHANNEL);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
  channel.postMessage(change);
  channel.close();
}

/** Hears of it from other windows. Call what it returns to end that. */
export function onSessionChange(listener: (change: SessionChange) => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.data === "begun" || event.data === "ended") listener(event.data);
  });
  return () => channel.close();
}
