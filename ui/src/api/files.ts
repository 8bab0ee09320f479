import { artifacts } from "~/api/clients";
import type { Artifact } from "~/api/gen/trivet/artifacts/v1/artifact_pb";

/** Where a file or folder is: who has it, `workspaces/W/runs/R`, and its path there; the top has an empty path. */
export interface Place {
  readonly owner: string;
  readonly path: string;
}

/** Some of the bytes of a file. */
export interface Span {
  /** The first one; 0 where it is left out. */
  readonly offset?: number;
  /** How many at most; all that follow where it is left out. */
  readonly limit?: number;
}

/** The bytes of a file, in memory. */
export async function readBytes(place: Place, span: Span, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  if (span.limit === 0) return new Uint8Array();
  const pieces: Uint8Array[] = [];
  let size = 0;
  const request = { ...place, offsetBytes: BigInt(span.offset ?? 0), limitBytes: BigInt(span.limit ?? 0) };
  // A slow link may take longer than calls have.
  const options = { timeoutMs: 0, ...(signal === undefined ? {} : { signal }) };
  for await (const { message } of artifacts.downloadArtifact(request, options)) {
    if (message.case !== "data") continue;
    pieces.push(message.value);
    size += message.value.length;
  }
  const whole = new Uint8Array(size);
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** Where the browser saves a file from, however large it is. */
export const saveUrl = (place: Place): string => urlOf("save", place);

/** Where the browser shows a picture, a sound, a film or a PDF from. */
export const showUrl = (place: Place): string => urlOf("show", place);

function urlOf(what: "save" | "show", { owner, path }: Place): string {
  const [, workspace = "", ...rest] = owner.split("/");
  return `/w/${encodeURIComponent(workspace)}/files/${what}?${new URLSearchParams({ owner: rest.join("/"), path }).toString()}`;
}

/** The digest of a file in hexadecimal digits; empty where there is none. */
export const digestOf = (file: Artifact): string =>
  Array.from(file.sha256, (byte) => byte.toString(16).padStart(2, "0")).join("");
