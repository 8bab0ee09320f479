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
