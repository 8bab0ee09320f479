import { anyKind } from "~/features/charts/anyKind";
import { lines } from "~/features/charts/lines/kind";

/** The kinds of panels, as they are offered. */
export const KINDS = { lines: anyKind(lines) };

export type KindName = keyof typeof KINDS;

export const KIND_NAMES = Object.keys(KINDS).filter((each): each is KindName => each in KINDS);
