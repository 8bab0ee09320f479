import { describe, expect, test } from "vitest";

import { toTimestamp } from "~/api/times";
import type { Rest } from "~/features/audit/merging";
import { takeNewest } from "~/features/audit/merging";

const event = (eventId: string, at: number) => ({ eventId, time: toTimestamp(at) });
type Event = ReturnType<typeof event>;
const ids = (events: readonly Event[]) => events.map(({ eventId }) => eventId).join("");

describe("what several servers have, as one list", () => {
  test("the newest come first, and of one time those with the greater id", () => {
    const { events, rest } = takeNewest([
      { events: [event("e", 5001), event("a", 1000)], token: null },
      { events: [event("d", 5000), event("c", 1000)], token: null },
      { events: [event("b", 1000)], token: null },
    ]);
    expect(ids(events)).toBe("edcba");
    expect(rest.every((each) => each.events.length === 0)).toBe(true);
  });

  test("nothing is taken that something still to come may be newer than", () => {
    const first = takeNewest([
      { events: [event("f", 6000), event("d", 4000)], token: "more" },
      { events: [event("e", 5000), event("a", 1000)], token: null },
    ]);
    expect(ids(first.events)).toBe("fed");
    expect(first.rest.map((each) => [ids(each.events), each.token])).toEqual([
      ["", "more"],
      ["a", null],
    ]);
    const rest: readonly Rest<Event>[] = [{ events: [event("c", 3000)], token: null }, ...first.rest.slice(1)];
    expect(ids(takeNewest(rest).events)).toBe("ca");
  });

  test("a page that is empty but not the last one holds up the others", () => {
    const lists = [
      { events: [], token: "more" },
      { events: [event("a", 1000)], token: null },
    ];
    expect(takeNewest(lists)).toEqual({ events: [], rest: lists });
  });

  test("no lists are no events", () => {
    expect(takeNewest([])).toEqual({ events: [], rest: [] });
  });
});
