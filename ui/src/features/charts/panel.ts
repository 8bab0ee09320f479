/** What the page of charts gives to its panels, and what each kind of panel gives to the page. */

import type { ComponentType } from "react";

import type { Draw, Size } from "~/charts/canvas";
import type { Range, XAxis } from "~/charts/curve";
import type { Scope } from "~/shared/runs/queries";

/** The current, the smallest and the largest value of a metric. */
export interface MetricValues {
  readonly last: number;
  readonly min: number;
  readonly max: number;
}

/** A run that panels show. Of metrics, params and tags it has what the panels of the page need. */
export interface ShownRun {
  readonly id: string;
  /** `workspaces/W/runs/R`. */
  readonly name: string;
  readonly displayName: string;
  /** Of its group, where runs are grouped. */
  readonly color: string;
  readonly dash: readonly number[];
  /** What it is grouped with, as the group is called; null where runs are not grouped. */
  readonly group: string | null;
  readonly isRunning: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly startTime: number;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: ReadonlyMap<string, MetricValues>;
  readonly tags: Readonly<Record<string, string>>;
}

/** What a panel reads of runs beside their names; `all` is every key that there is. */
export interface Needs {
  readonly metrics: readonly string[] | "all";
  readonly params: readonly string[] | "all";
  readonly tags: readonly string[] | "all";
}

export const NEEDS_NOTHING: Needs = { metrics: [], params: [], tags: [] };

/** How all panels with an x axis of steps or times draw, unless their settings say otherwise. */
export interface Look {
  readonly axis: XAxis;
  /** Weight of the average that lines are smoothed by; 0 and more, below 1. */
  readonly smoothing: number;
  /** Whether values far from most others may lie beyond the panel. */
  readonly ignoresOutliers: boolean;
}

/** What the watch of the page has told so far. */
export interface Changes {
  /** Rises when it tells of new values of a shown run, at most once a second. */
  readonly now: number;
  /** The ids of the runs that have newer values of a metric than there were at an earlier `now`. */
  readonly since: (key: string, earlier: number) => ReadonlySet<string>;
  /** Those of them that lost points, so that what was read of them does not just go on. */
  readonly cutSince: (earlier: number) => ReadonlySet<string>;
}

/** A panel as a picture for a file. */
export interface Picture {
  readonly draw: Draw;
  readonly size: Size;
}

export interface PanelBodyProperties<Settings> {
  readonly workspace: string;
  /** Those that are not hidden. The same array while nothing of them has changed. */
  readonly runs: readonly ShownRun[];
  readonly settings: Settings;
  readonly onSettings: (next: Settings) => void;
  readonly look: Look;
  /** The id of the run to be seen before the others. */
  readonly lit: string | null;
  readonly onLight: (runId: string | null) => void;
  /** The part of the x axis that all panels look at; null for all of it. */
  readonly zoom: Range | null;
  readonly onZoom: (next: Range | null) => void;
  /** Where on the x axis somebody points, in this panel or in another one. */
  readonly cursor: number | null;
  readonly onCursor: (x: number | null) => void;
  readonly changes: Changes;
  /** Told how what is shown is drawn into a file; null where nothing is. */
  readonly onPicture: (picture: Picture | null) => void;
  /** Shows the page of a run. */
  readonly onOpen: (runId: string) => void;
}

export interface SettingsFormProperties<Settings> {
  /** Whose metrics, params and tags there are to choose from. */
  readonly scope: Scope;
  readonly settings: Settings;
  readonly onSettings: (next: Settings) => void;
}

export interface CsvRequest<Settings> extends Pick<
  PanelBodyProperties<Settings>,
  "workspace" | "runs" | "settings" | "look" | "zoom"
> {}

/** What of a kind of panel is loaded when one is looked at. */
export interface PanelModule<Settings> {
  readonly Body: ComponentType<PanelBodyProperties<Settings>>;
  readonly SettingsForm: ComponentType<SettingsFormProperties<Settings>>;
  /** What the panel shows, as CSV. */
  readonly csv: (request: CsvRequest<Settings>) => Promise<string>;
}

/** A kind of panel. Settings are JSON: they are in URLs and in saved views. */
export interface Kind<Settings> {
  /** What it is called where somebody adds one. */
  readonly label: string;
  /** The settings that a URL or a saved view has; what makes no sense is as at first. */
  readonly parse: (raw: unknown) => Settings;
  readonly title: (settings: Settings) => string;
  readonly needs: (settings: Settings) => Needs;
  readonly load: () => Promise<PanelModule<Settings>>;
}
