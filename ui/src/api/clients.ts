import { createClient } from "@connectrpc/connect";

import { ArtifactService } from "~/api/gen/trivet/artifacts/v1/artifact_service_pb";
import { SystemService } from "~/api/gen/trivet/common/v1/system_service_pb";
import { RegistryService } from "~/api/gen/trivet/registry/v1/registry_service_pb";
import { TrackingService } from "~/api/gen/trivet/tracking/v1/tracking_service_pb";
import { transport } from "~/api/transport";

export const tracking = createClient(TrackingService, transport);
export const artifacts = createClient(ArtifactService, transport);
export const registry = createClient(RegistryService, transport);
export const system = createClient(SystemService, transport);
