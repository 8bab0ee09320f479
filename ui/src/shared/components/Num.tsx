import { shortNumber } from "~/shared/format/numbers";

/** A number with four significant digits; all of them on hover. */
export function Num({ value }: { readonly value: number | null }) {
  if (value === null) return <span>—</span>;
  return <span title={String(value)}>{shortNumber(value)}</span>;
}
