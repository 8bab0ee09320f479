import { expect, test } from "vitest";

import { bytesOf, hexOf } from "~/api/digests";

test("bytes and their digits stand for each other", () => {
  expect(hexOf(Uint8Array.of(0, 10, 255))).toBe("000aff");
  expect(bytesOf("000aFF")).toEqual(Uint8Array.of(0, 10, 255));
  expect(bytesOf("")).toEqual(Uint8Array.of());
});

test.each(["0", "0g", "00 11", "0x00"])("%s are no digits of bytes", (text) => {
  expect(bytesOf(text)).toBeNull();
});
