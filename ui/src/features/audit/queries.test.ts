import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { ServerInfoSchema } from "~/api/gen/trivet/common/v1/system_service_pb";
import { serversToAsk } from "~/features/audit/queries";

const TRACKING = "trivet.tracking.v1.TrackingService";
const ARTIFACTS = "trivet.artifacts.v1.ArtifactService";
const REGISTRY = "trivet.registry.v1.RegistryService";

const server = (name: "tracking" | "artifacts" | "registry", ...services: string[]) => ({
  name,
  info: create(ServerInfoSchema, { services }),
});

test("each server is asked once, whatever it serves", () => {
  const all = [TRACKING, ARTIFACTS, REGISTRY];
  expect(serversToAsk([server("tracking", ...all), server("artifacts", ...all), server("registry", ...all)])).toEqual([
    "tracking",
  ]);
  expect(
    serversToAsk([server("tracking", TRACKING), server("artifacts", ARTIFACTS), server("registry", REGISTRY)]),
  ).toEqual(["tracking", "artifacts", "registry"]);
  const two = [ARTIFACTS, REGISTRY];
  expect(serversToAsk([server("tracking", TRACKING), server("artifacts", ...two), server("registry", ...two)])).toEqual(
    ["tracking", "artifacts"],
  );
});

test("nobody is asked before all have said what they serve", () => {
  expect(serversToAsk([])).toBeNull();
  expect(serversToAsk([server("tracking", TRACKING), { name: "artifacts", info: null }])).toBeNull();
});
