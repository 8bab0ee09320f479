import type { Limits } from "~/api/gen/trivet/common/v1/system_service_pb";
import { bytes, count } from "~/shared/format/numbers";

interface Limit {
  readonly label: string;
  /** Empty where the server has no such limit. */
  readonly of: (limits: Limits) => string;
}

const bytesOf = (size: bigint | number): string => (Number(size) === 0 ? "" : bytes(size));
const countOf = (size: number, unit: string): string => (size === 0 ? "" : `${count(size)} ${unit}`);

/** What servers refuse for its size. */
export const LIMITS: readonly Limit[] = [
  { label: "A request", of: (limits) => bytesOf(limits.maxMessageBytes) },
  { label: "A key of a metric, param or tag", of: (limits) => countOf(limits.maxKeyCharacters, "characters") },
  { label: "The value of a param", of: (limits) => bytesOf(limits.maxParamValueBytes) },
  { label: "The value of a tag", of: (limits) => bytesOf(limits.maxTagValueBytes) },
  { label: "A name", of: (limits) => countOf(limits.maxDisplayNameCharacters, "characters") },
  { label: "The path of a file", of: (limits) => bytesOf(limits.maxArtifactPathBytes) },
  { label: "Data of a file in one message", of: (limits) => bytesOf(limits.maxArtifactDataBytes) },
  { label: "A page of a list", of: (limits) => countOf(limits.maxPageSize, "entries") },
];
