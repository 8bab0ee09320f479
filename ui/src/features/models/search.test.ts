import { expect, test } from "vitest";

import { loggedModelsSearch, modelSearch, modelsSearch } from "~/features/models/search";

test("what is not understood is dropped", () => {
  expect(modelsSearch({ q: "", order: "size", desc: true, more: 1 })).toEqual({});
  expect(modelSearch({ tab: "files", compare: "1,2", version: -1, at: "yesterday", did: "all" })).toEqual({});
  expect(loggedModelsSearch({ order: 5 })).toEqual({});
});

test("what is understood stays", () => {
  expect(modelsSearch({ q: 123, order: "name" })).toEqual({ q: "123", order: "name", desc: false });
  expect(modelSearch({ tab: "history", compare: [3, 1, 3, "2", 0], version: 2, at: 0, stage: "Production" })).toEqual({
    tab: "history",
    compare: [3, 1],
    version: 2,
    at: 0,
    stage: "Production",
  });
});
