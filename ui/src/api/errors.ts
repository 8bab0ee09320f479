import { Code, ConnectError } from "@connectrpc/connect";

import { BadRequestSchema, ErrorInfoSchema } from "~/api/gen/google/rpc/error_details_pb";

/** What went wrong with a call, as a person can use it. */
export interface Failure {
  /** What happened: a sentence. */
  readonly message: string;
  /** What to do about it: a sentence; empty where nobody knows. */
  readonly nextStep: string;
  /** `EXPERIMENT_NOT_FOUND`, as the contracts name it; empty where no Trivet server said anything. */
  readonly reason: string;
  /** Facts that go with the reason, such as the position of a fault in a filter. */
  readonly facts: Readonly<Record<string, string>>;
  /** The fields of the request that are at fault. */
  readonly fields: readonly string[];
  /** What the logs of the servers call the request; empty where none was sent. */
  readonly requestId: string;
  /** Whether trying again may help by itself: the server is away, slow or busy. */
  readonly isPassing: boolean;
  /** Whether what was asked for is not there. */
  readonly isMissing: boolean;
  /** Whether the caller must not do this. */
  readonly isDenied: boolean;
}

const PASSING: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.ResourceExhausted,
]);

const NEXT_STEPS: Partial<Record<Code, string>> = {
  [Code.Unavailable]: "It is tried again. If it lasts, ask whoever runs this server.",
  [Code.DeadlineExceeded]: "It is tried again. A filter that passes less is faster.",
  [Code.ResourceExhausted]: "Ask for less at once, or try again in a moment.",
  [Code.Aborted]: "Somebody else changed it meanwhile. Look at it as it is now, and try again.",
  [Code.PermissionDenied]: "Ask whoever runs this server for the right to do it.",
  [Code.Unauthenticated]: "Sign in, then try again.",
  [Code.NotFound]: "It may have been deleted, or be in another workspace.",
  [Code.Internal]: "The log of the server says why, by the id of the request.",
};

/** What is said where something in front of the server answered in its place, by how it did: it knows no other words. */
const IN_FRONT: Partial<Record<Code, readonly [message: string, nextStep: string]>> = {
  [Code.Unauthenticated]: ["The server does not know who you are.", "Load the page again to sign in."],
  [Code.PermissionDenied]: ["The server does not allow this.", "Ask whoever runs this server for the right to do it."],
};

/** Whether nobody waits for a call any longer. */
export function isCancelled(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled;
}

/** What went wrong, from whatever was thrown. */
export function failureOf(error: unknown): Failure {
  const status = ConnectError.from(error);
  // Browsers say of a server that cannot be reached only that a fetch failed.
  const isAway = status.code === Code.Unknown && status.cause instanceof TypeError;
  const code = isAway ? Code.Unavailable : status.code;
  const [said, todo] = (/^HTTP \d+$/.test(status.rawMessage) ? IN_FRONT[code] : undefined) ?? [
    isAway ? "The server cannot be reached." : sentence(status.rawMessage),
    NEXT_STEPS[code] ?? "",
  ];
  const [info] = status.findDetails(ErrorInfoSchema);
  const fields = status.findDetails(BadRequestSchema).flatMap((each) => each.fieldViolations.map((one) => one.field));
  return {
    message: said,
    nextStep: todo,
    reason: info?.reason ?? "",
    facts: info?.metadata ?? {},
    fields,
    requestId: status.metadata.get("x-request-id") ?? "",
    isPassing: PASSING.has(code),
    isMissing: code === Code.NotFound,
    isDenied: code === Code.PermissionDenied || code === Code.Unauthenticated,
  };
}

function sentence(text: string): string {
  const trimmed = text.trim() || "The call failed";
  // The name of a resource is as it is.
  const begun = /^\S*\//.test(trimmed) ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
