import { useRouter } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, MouseEvent } from "react";

interface Properties extends AnchorHTMLAttributes<HTMLAnchorElement> {
  /** Of a page: one of `~/shared/links`. */
  readonly path: string;
}

/** A link to a page of another feature. */
export function PathLink({ path, onClick, children, ...rest }: Properties) {
  const router = useRouter();
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    // A click with a key or another button opens a tab or a window, which is the browser's to do.
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    ) {
      return;
    }
    event.preventDefault();
    router.history.push(path);
  };
  return (
    <a {...rest} href={path} onClick={follow}>
      {children}
    </a>
  );
}
