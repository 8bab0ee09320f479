import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { DEFAULT_WORKSPACE } from "~/api/names";
import { signInSearch } from "~/features/access/search";
import { auditSearch } from "~/features/audit/search";
import { prefetchCharts } from "~/features/charts/prefetch";
import type { ChartsSearch } from "~/features/charts/search";
import { chartsSearch } from "~/features/charts/search";
import { prefetchCompared } from "~/features/compare/prefetch";
import type { CompareSearch } from "~/features/compare/search";
import { compareSearch } from "~/features/compare/search";
import { experimentsSearch } from "~/features/experiments/search";
import { prefetchRuns } from "~/features/runs/prefetch";
import type { RunsSearch } from "~/features/runs/search";
import { runsSearch } from "~/features/runs/search";
import { runSearch } from "~/features/run/search";
import { loggedModelsSearch, modelSearch, modelsSearch, requestsSearch, versionSearch } from "~/features/models/search";
import { queryClient } from "~/queryClient";
import { Broken } from "~/shell/Broken";
import { NotFound } from "~/shell/NotFound";
import { Shell } from "~/shell/Shell";

/** Hides from a page what of a query string it does not understand; the router would show it otherwise. */
const only =
  <Search extends object>(understood: (raw: Record<string, unknown>) => Search) =>
  (raw: Record<string, unknown>): Search => ({
    ...Object.fromEntries(Object.keys(raw).map((key) => [key, undefined])),
    ...understood(raw),
  });

/** What a URL says of an experiment, of its table and of its charts: each keeps what it says of the other. */
const experimentSearch = only<RunsSearch & ChartsSearch>((raw) => ({ ...chartsSearch(raw), ...runsSearch(raw) }));

const root = createRootRoute({ notFoundComponent: NotFound });

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/w/$workspace/experiments", params: { workspace: DEFAULT_WORKSPACE }, replace: true });
  },
});

const workspace = createRoute({ getParentRoute: () => root, path: "/w/$workspace", component: Shell });

const workspaceIndex = createRoute({
  getParentRoute: () => workspace,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/w/$workspace/experiments", params, replace: true });
  },
});

const experiments = createRoute({
  getParentRoute: () => workspace,
  path: "experiments",
  validateSearch: only(experimentsSearch),
  component: lazyRouteComponent(() => import("~/features/experiments/Page"), "ExperimentsPage"),
});

const runs = createRoute({
  getParentRoute: () => workspace,
  path: "experiments/$experiment",
  validateSearch: experimentSearch,
  // Also where somebody points at a link to it.
  beforeLoad: ({ cause, params, search }) => {
    if (cause !== "stay") void prefetchRuns(queryClient, params, search);
  },
  component: lazyRouteComponent(() => import("~/features/runs/Page"), "RunsPage"),
});

const charts = createRoute({
  getParentRoute: () => workspace,
  path: "experiments/$experiment/charts",
  validateSearch: experimentSearch,
  beforeLoad: ({ cause, params, search }) => {
    if (cause !== "stay") prefetchCharts(queryClient, params, search);
  },
  component: lazyRouteComponent(() => import("~/features/charts/Page"), "ChartsPage"),
});

const server = createRoute({
  getParentRoute: () => workspace,
  path: "server",
  component: lazyRouteComponent(() => import("~/features/server/Page"), "ServerPage"),
});

const access = createRoute({
  getParentRoute: () => workspace,
  path: "access",
  component: lazyRouteComponent(() => import("~/features/access/Page"), "AccessPage"),
});

const audit = createRoute({
  getParentRoute: () => workspace,
  path: "audit",
  validateSearch: only(auditSearch),
  component: lazyRouteComponent(() => import("~/features/audit/Page"), "AuditPage"),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: only(signInSearch),
  component: lazyRouteComponent(() => import("~/features/access/SignInPage"), "SignInPage"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  path: "/signed-in",
  component: lazyRouteComponent(() => import("~/features/access/SignedInPage"), "SignedInPage"),
});

const run = createRoute({
  getParentRoute: () => workspace,
  path: "runs/$run",
  validateSearch: only(runSearch),
  component: lazyRouteComponent(() => import("~/features/run/Page"), "RunPage"),
});

const compare = createRoute({
  getParentRoute: () => workspace,
  path: "compare",
  validateSearch: only<CompareSearch>(compareSearch),
  beforeLoad: ({ cause, params, search }) => {
    if (cause !== "stay") prefetchCompared(queryClient, params.workspace, search);
  },
  component: lazyRouteComponent(() => import("~/features/compare/Page"), "ComparePage"),
});

const loggedModels = createRoute({
  getParentRoute: () => workspace,
  path: "experiments/$experiment/models",
  validateSearch: only(loggedModelsSearch),
  component: lazyRouteComponent(() => import("~/features/models/LoggedModelsPage"), "LoggedModelsPage"),
});

const models = createRoute({
  getParentRoute: () => workspace,
  path: "models",
  validateSearch: only(modelsSearch),
  component: lazyRouteComponent(() => import("~/features/models/ModelsPage"), "ModelsPage"),
});

const model = createRoute({
  getParentRoute: () => workspace,
  path: "models/$model",
  validateSearch: only(modelSearch),
  component: lazyRouteComponent(() => import("~/features/models/ModelPage"), "ModelPage"),
});

const version = createRoute({
  getParentRoute: () => workspace,
  path: "models/$model/versions/$version",
  validateSearch: only(versionSearch),
  component: lazyRouteComponent(() => import("~/features/models/VersionPage"), "VersionPage"),
});

const promotions = createRoute({
  getParentRoute: () => workspace,
  path: "promotions",
  validateSearch: only(requestsSearch),
  component: lazyRouteComponent(() => import("~/features/models/PromotionsPage"), "PromotionsPage"),
});

const routeTree = root.addChildren([
  index,
  signIn,
  signedIn,
  workspace.addChildren([
    workspaceIndex,
    experiments,
    runs,
    charts,
    loggedModels,
    run,
    compare,
    models,
    model,
    version,
    promotions,
    server,
    access,
    audit,
  ]),
]);

/** Every URL of the app. */
export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPendingMs: 100,
  scrollRestoration: false,
  defaultErrorComponent: Broken,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
