import type { CSSProperties, ReactNode, Ref } from "react";

interface Properties {
  /** What is in it. */
  readonly label: string;
  readonly role?: "region" | "table";
  readonly className: string | undefined;
  readonly style?: CSSProperties;
  readonly scrollRef?: Ref<HTMLDivElement>;
  readonly rowCount?: number;
  readonly columnCount?: number;
  readonly children: ReactNode;
}

/** What is larger than its room, and is scrolled by the mouse and by keys. */
export function ScrollRegion({ label, role = "region", scrollRef, rowCount, columnCount, ...rest }: Properties) {
  return (
    <div
      {...rest}
      ref={scrollRef}
      role={role}
      aria-label={label}
      aria-rowcount={rowCount}
      aria-colcount={columnCount}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- keys scroll only what they can reach (WCAG 2.1.1)
      tabIndex={0}
    />
  );
}
