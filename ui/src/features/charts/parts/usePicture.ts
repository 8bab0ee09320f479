import type { RefObject } from "react";
import { useCallback, useRef } from "react";

import type { Picture } from "~/features/charts/panel";

/** Keeps what a panel drew last, for files. */
export function usePicture(): {
  readonly picture: RefObject<Picture | null>;
  readonly onPicture: (picture: Picture | null) => void;
} {
  const picture = useRef<Picture>(null);
  const onPicture = useCallback((next: Picture | null): void => {
    picture.current = next;
  }, []);
  return { picture, onPicture };
}
