import { expect, test } from "vitest";

import { hexLines } from "~/viewers/hex";

test("bytes in hexadecimal digits and in letters", () => {
  expect(
    hexLines(
      new Uint8Array([...new TextEncoder().encode("PK<b>"), 0, 255, 127, ...Array.from({ length: 9 }, () => 65)]),
    ),
  ).toEqual([
    "00000000  50 4b 3c 62 3e 00 ff 7f 41 41 41 41 41 41 41 41  PK<b>···AAAAAAAA",
    "00000010  41                                               A",
  ]);
  expect(hexLines(new Uint8Array())).toEqual([]);
});
