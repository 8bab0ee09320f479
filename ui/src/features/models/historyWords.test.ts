import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { ModelAction, ModelHistoryEntrySchema } from "~/api/gen/trivet/registry/v1/model_history_pb";
import { isOfKind, whatWasDone } from "~/features/models/historyWords";

const entry = (action: ModelAction, field = "", after = "") =>
  create(ModelHistoryEntrySchema, { action, version: 3n, changes: field === "" ? [] : [{ field, after }] });

test.each([
  [entry(ModelAction.VERSION_MOVED, "stage", "Production"), "Version 3 moved to Production"],
  [entry(ModelAction.ALIAS_SET, "aliases.champion", "3"), "Alias champion set to version 3"],
  [entry(ModelAction.ALIAS_DELETED, "aliases.a.b"), "Alias a.b removed"],
  [entry(ModelAction.VERSION_READY, "state", "READY"), "Version 3 ready"],
  [entry(ModelAction.VERSION_MOVED), "Version 3 moved to another stage"],
])("an entry is said in words", (done, words) => {
  expect(whatWasDone(done)).toBe(words);
});

test("entries are of one kind, and all of none in particular", () => {
  expect(isOfKind({ action: ModelAction.VERSION_MOVED }, "stages")).toBe(true);
  expect(isOfKind({ action: ModelAction.VERSION_MOVED }, "aliases")).toBe(false);
  expect(isOfKind({ action: ModelAction.MODEL_DELETED }, undefined)).toBe(true);
});
