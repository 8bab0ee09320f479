import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** What orders events: no two have the same. */
interface Dated {
  readonly eventId: string;
  readonly time?: Timestamp;
}

/** What is left of the list of a server. */
export interface Rest<Event> {
  /** Those that it gave and that are not taken yet, the newest first. */
  readonly events: readonly Event[];
  /** Where it goes on; null at its end. */
  readonly token: string | null;
}

/** The events of several lists, the newest first, as far as nothing that a list has still to give can come before
 * them; and what is left of the lists. */
export function takeNewest<Event extends Dated>(
  lists: readonly Rest<Event>[],
): { readonly events: readonly Event[]; readonly rest: readonly Rest<Event>[] } {
  const events: Event[] = [];
  const taken = lists.map(() => 0);
  const headOf = (place: number): Event | undefined => lists[place]?.events[taken[place] ?? 0];
  while (lists.every(({ token }, place) => token === null || headOf(place) !== undefined)) {
    const newest = lists
      .map((_, place) => place)
      .filter((place) => headOf(place) !== undefined)
      .reduce<number | undefined>(
        (best, place) => (isNewer(headOf(place), headOf(best ?? -1)) ? place : best),
        undefined,
      );
    const event = newest === undefined ? undefined : headOf(newest);
    if (newest === undefined || event === undefined) break;
    events.push(event);
    taken[newest] = (taken[newest] ?? 0) + 1;
  }
  return {
    events,
    rest: lists.map(({ events: given, token }, place) => ({ events: given.slice(taken[place]), token })),
  };
}

function isNewer(one: Dated | undefined, other: Dated | undefined): boolean {
  if (one === undefined || other === undefined) return other === undefined;
  const [seconds, otherSeconds] = [one.time?.seconds ?? 0n, other.time?.seconds ?? 0n];
  if (seconds !== otherSeconds) return seconds > otherSeconds;
  const [nanos, otherNanos] = [one.time?.nanos ?? 0, other.time?.nanos ?? 0];
  return nanos === otherNanos ? one.eventId > other.eventId : nanos > otherNanos;
}
