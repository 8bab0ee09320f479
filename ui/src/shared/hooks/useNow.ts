import { useEffect, useState } from "react";

const EVERY_MS = 10_000;

/** The time in milliseconds since the Unix epoch, anew every ten seconds while the page is looked at. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
