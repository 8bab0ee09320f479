import { useEffect, useRef } from "react";

import { Button } from "~/shared/components/Button";
import { useNear, useNearness } from "~/shared/hooks/useNear";

/** What is seen of the page. */
const VIEWPORT = { current: null };

interface Properties {
  /** Whether nothing more is to be asked for now. */
  readonly isAsking: boolean;
  readonly onMore: () => Promise<unknown>;
}

/** Asks for more rows when the end of those that are there is near; also by a button. */
export function More({ isAsking, onMore }: Properties) {
  const place = useRef<HTMLDivElement>(null);
  const isNear = useNear(place, useNearness(VIEWPORT));
  useEffect(() => {
    if (isNear && !isAsking) void onMore();
  }, [isNear, isAsking, onMore]);
  return (
    <div ref={place}>
      <Button disabled={isAsking} onClick={() => void onMore()}>
        Load older events
      </Button>
    </div>
  );
}
