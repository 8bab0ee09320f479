import { useNow } from "~/shared/hooks/useNow";
import { ago, duration, fullTime } from "~/shared/format/times";

/** How long ago something was; the whole time on hover. Milliseconds since the Unix epoch, or null for never. */
export function Time({ at }: { readonly at: number | null }) {
  const now = useNow();
  if (at === null) return <span>—</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
      {ago(at, now)}
    </time>
  );
}

/** How long something took, or takes until now where it has no end. Milliseconds since the Unix epoch. */
export function Duration({ from, to }: { readonly from: number | null; readonly to: number | null }) {
  const now = useNow();
  return <span>{from === null ? "—" : duration((to ?? now) - from)}</span>;
}
