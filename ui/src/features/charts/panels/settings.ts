/** What settings of several kinds of panels have, read from URLs and saved views. */

import { axisIn } from "~/features/charts/panels/axes";

/** The parts of settings; none where they are something else. */
export const partsIn = (raw: unknown): Readonly<Record<string, unknown>> =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw) ? { ...raw } : {};

/** The ids of axes in a list. */
export const axesIn = (raw: unknown): string[] | undefined =>
  Array.isArray(raw) ? raw.flatMap((each: unknown) => axisIn(each) ?? []) : undefined;

/** One of some words, or the first. */
export const wordIn = <Word extends string>(raw: unknown, words: readonly [Word, ...Word[]]): Word =>
  words.find((word) => word === raw) ?? words[0];

/** With an axis among those of powers, or without it. */
export const withLog = (logs: readonly string[], id: string, isLog: boolean): string[] => [
  ...logs.filter((each) => each !== id),
  ...(isLog ? [id] : []),
];
