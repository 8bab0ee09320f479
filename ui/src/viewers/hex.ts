const ACROSS = 16;
const FIRST_SHOWN = 0x20;
const LAST_SHOWN = 0x7e;

/** Bytes as lines of their places, of their hexadecimal digits, and of the letters that they are in ASCII. */
export function hexLines(bytes: Uint8Array): readonly string[] {
  return Array.from({ length: Math.ceil(bytes.length / ACROSS) }, (_, line) => {
    const begin = line * ACROSS;
    const here = Array.from(bytes.subarray(begin, begin + ACROSS));
    const digits = here.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = here.map((byte) => (byte >= FIRST_SHOWN && byte <= LAST_SHOWN ? String.fromCodePoint(byte) : "·"));
    return `${begin.toString(16).padStart(8, "0")}  ${digits.padEnd(ACROSS * 3 - 1)}  ${letters.join("")}`;
  });
}
