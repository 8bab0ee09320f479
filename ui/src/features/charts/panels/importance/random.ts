/** Numbers from 0 to below 1 that look random, and are the same for the same seed: panels must not change by themselves. */
export function randomFrom(seed: number): () => number {
  // The algorithm mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md, in the public domain.
  let state = seed;
  return () => {
    state = Math.trunc(state + 0x6d2b79f5);
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers in another order. */
export function shuffled(values: Int32Array, random: () => number): Int32Array {
  const others = values.slice();
  for (let last = others.length - 1; last > 0; last -= 1) {
    const place = Math.floor(random() * (last + 1));
    const kept = others[last] ?? 0;
    others[last] = others[place] ?? 0;
    others[place] = kept;
  }
  return others;
}
