import { queryOptions } from "@tanstack/react-query";

import type { Place } from "~/api/files";
import { readBytes } from "~/api/files";

/** The file that a viewer shows. */
export interface Shown {
  readonly place: Place;
  /** The last part of its path. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Its digest in hexadecimal digits: with it, what was read once is right for good. */
  readonly digest: string;
  readonly mediaType: string;
}

const KEPT_MS = 60_000;

/** The first bytes of a file, or all of them. They are forgotten soon after nobody looks at them. */
export const beginningOf = ({ place, digest, size }: Shown, limit: number) =>
  queryOptions({
    queryKey: ["bytes", place, digest, Math.min(limit, size)],
    queryFn: ({ signal }) => readBytes(place, { limit: Math.min(limit, size) }, signal),
    staleTime: Infinity,
    gcTime: KEPT_MS,
    structuralSharing: false,
  });

/** The text in some bytes: UTF-8, or UTF-16 where they begin with its mark. */
export function textIn(bytes: Uint8Array<ArrayBuffer>): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/** Whether some bytes are text: none of them is NUL, and they are UTF-8 but for a letter that is cut at the end. */
export function isText(bytes: Uint8Array<ArrayBuffer>): boolean {
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
