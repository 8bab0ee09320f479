import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";

/** Milliseconds since the Unix epoch; null where there is no time. */
export const millis = (time: Timestamp | undefined): number | null => (time === undefined ? null : timestampMs(time));

export const toTimestamp = timestampFromMs;
