import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";

import { failureOf } from "~/api/errors";

test("what a server says is a sentence, and the name of a resource stays as it is", () => {
  expect(failureOf(new ConnectError("the model is deleted", Code.NotFound)).message).toBe("The model is deleted.");
  expect(failureOf(new ConnectError("workspaces/a/runs/b is gone", Code.NotFound)).message).toBe(
    "workspaces/a/runs/b is gone.",
  );
});

test("a fetch that failed is a server that is away", () => {
  const failure = failureOf(
    new ConnectError("x", Code.Unknown, undefined, undefined, new TypeError("Failed to fetch")),
  );
  expect([failure.message, failure.isPassing, failure.requestId]).toEqual(["The server cannot be reached.", true, ""]);
});

test("whoever is in front of the server and denies is told of in words, with what to do", () => {
  const denied = failureOf(new ConnectError("HTTP 403", Code.PermissionDenied));
  expect([denied.message, denied.isDenied, denied.isPassing]).toEqual(["The server does not allow this.", true, false]);
  const unknown = failureOf(new ConnectError("HTTP 401", Code.Unauthenticated));
  expect([unknown.message, unknown.nextStep]).toEqual([
    "The server does not know who you are.",
    "Load the page again to sign in.",
  ]);
  expect(failureOf(new ConnectError("only admins may", Code.PermissionDenied)).message).toBe("Only admins may.");
});
