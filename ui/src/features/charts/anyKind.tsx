import type { ComponentType } from "react";
import { lazy, useMemo } from "react";

import type {
  CsvRequest,
  Kind,
  Needs,
  PanelBodyProperties,
  PanelModule,
  SettingsFormProperties,
} from "~/features/charts/panel";

/** A kind of panel whose settings are what a URL or a saved view has: it parses them wherever they come in. */
export interface AnyKind {
  readonly label: string;
  readonly title: (raw: unknown) => string;
  readonly needs: (raw: unknown) => Needs;
  readonly Body: ComponentType<PanelBodyProperties<unknown>>;
  readonly SettingsForm: ComponentType<SettingsFormProperties<unknown>>;
  readonly csv: (request: CsvRequest<unknown>) => Promise<string>;
  /** Begins to load what draws it. */
  readonly preload: () => void;
}

/** A kind for those who do not know its settings. What draws it is loaded when the first one is looked at. */
export function anyKind<Settings>(kind: Kind<Settings>): AnyKind {
  return {
    label: kind.label,
    title: (raw) => kind.title(kind.parse(raw)),
    needs: (raw) => kind.needs(kind.parse(raw)),
    Body: lazy(async () => ({ default: bodyOf(kind, await kind.load()) })),
    SettingsForm: lazy(async () => ({ default: formOf(kind, await kind.load()) })),
    csv: async (request) => (await kind.load()).csv({ ...request, settings: kind.parse(request.settings) }),
    preload: () => void kind.load(),
  };
}

function bodyOf<Settings>(
  kind: Kind<Settings>,
  { Body }: PanelModule<Settings>,
): ComponentType<PanelBodyProperties<unknown>> {
  return function AnyBody({ settings: raw, ...rest }) {
    const settings = useMemo(() => kind.parse(raw), [raw]);
    return <Body {...rest} settings={settings} />;
  };
}

function formOf<Settings>(
  kind: Kind<Settings>,
  { SettingsForm }: PanelModule<Settings>,
): ComponentType<SettingsFormProperties<unknown>> {
  return function AnyForm({ settings: raw, ...rest }) {
    const settings = useMemo(() => kind.parse(raw), [raw]);
    return <SettingsForm {...rest} settings={settings} />;
  };
}
