import { useMemo } from "react";

/** An object that stays the same while it means the same. */
export function useStable<T>(value: T): T {
  const text = JSON.stringify(value);
  // oxlint-disable-next-line react/exhaustive-deps -- the text is what the value means
  return useMemo(() => value, [text]);
}
