import { expect, test } from "vitest";

import { ChangeLog } from "~/features/charts/changes";

test("runs are told that have newer values of a metric than before", () => {
  const log = new ChangeLog();
  expect(log.next()).toBeNull();
  log.add("a", ["loss"]);
  log.add("b", ["acc"]);
  const first = log.next();
  expect([first?.now, first?.since("loss", 0)]).toEqual([1, new Set(["a"])]);
  expect(log.next()).toBeNull();
  log.add("b", ["loss", "acc"]);
  const second = log.next();
  expect(second?.since("loss", 1)).toEqual(new Set(["b"]));
  expect(second?.since("loss", 0)).toEqual(new Set(["a", "b"]));
  expect(second?.since("loss", 2)).toEqual(new Set());
});

test("a run whose points were removed has other values of every metric", () => {
  const log = new ChangeLog();
  log.addCut("a");
  log.addAll(["b"]);
  const changes = log.next();
  expect(changes?.since("any", 0)).toEqual(new Set(["a", "b"]));
  expect([changes?.cutSince(0), changes?.cutSince(1)]).toEqual([new Set(["a"]), new Set()]);
});
