import { useEffect, useState } from "react";

/** False at first, and true after a while: for what can wait until the page is there. */
export function useLater(afterMs: number): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), afterMs);
    return () => clearTimeout(timer);
  }, [afterMs]);
  return isLate;
}
