/** What shows a file. */
export type ViewerKind =
  | "text"
  | "json"
  | "markdown"
  | "table"
  | "parquet"
  | "image"
  | "html"
  | "pdf"
  | "audio"
  | "video"
  | "unknown"
  | "tooLarge";

/** The largest file that is shown only as a whole. */
export const LARGEST_BYTES = 50 * 2 ** 20;

const BY_SUFFIX: ReadonlyMap<string, ViewerKind> = new Map([
  ...kinds("json", "json geojson ipynb webmanifest"),
  ...kinds("markdown", "md markdown"),
  ...kinds("table", "csv tsv"),
  ...kinds("parquet", "parquet pq"),
  ...kinds("image", "png jpg jpeg gif webp avif bmp svg"),
  ...kinds("html", "html htm"),
  ...kinds("pdf", "pdf"),
  ...kinds("audio", "mp3 wav ogg oga flac m4a aac weba"),
  ...kinds("video", "mp4 m4v webm ogv"),
  ...kinds(
    "text",
    "txt log text yaml yml toml ini cfg conf env properties xml py pyi js mjs ts tsx jsx css sh bash zsh sql r jl java " +
      "scala kt go rs c h cc cpp hpp cu rb pl lua diff patch tex rst jsonl ndjson lock dockerfile mlmodel gitignore",
  ),
]);
const BY_NAME: ReadonlyMap<string, ViewerKind> = new Map(
  kinds("text", "mlmodel dockerfile makefile license readme requirements pipfile procfile"),
);
const BY_TYPE: readonly (readonly [RegExp, ViewerKind])[] = [
  [/^application\/(.+\+)?json$/, "json"],
  [/^text\/markdown$/, "markdown"],
  [/^text\/(csv|tab-separated-values)$/, "table"],
  [/^application\/(vnd\.apache\.|x-)?parquet$/, "parquet"],
  [/^text\/html$/, "html"],
  [/^application\/pdf$/, "pdf"],
  [/^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/, "image"],
  [/^audio\/(mpeg|wav|ogg|flac|mp4|aac|webm)$/, "audio"],
  [/^video\/(mp4|webm|ogg)$/, "video"],
  [/^(text\/|application\/(x-)?(yaml|toml|xml|sql|javascript)$)/, "text"],
];
const WHOLE: ReadonlySet<ViewerKind> = new Set<ViewerKind>(["json", "markdown", "image", "html"]);

/** What shows a file, by the end of its name, else by its media type. */
export function viewerOf(name: string, mediaType: string, size: number): ViewerKind {
  const lower = name.toLowerCase();
  const type = mediaType.split(";")[0]?.trim().toLowerCase() ?? "";
  const kind =
    BY_SUFFIX.get(suffixOf(name)) ??
    BY_NAME.get(lower) ??
    BY_TYPE.find(([pattern]) => pattern.test(type))?.[1] ??
    "unknown";
  return WHOLE.has(kind) && size > LARGEST_BYTES ? "tooLarge" : kind;
}

/** What is after the last dot of a name, in small letters; empty where there is none. */
export const suffixOf = (name: string): string =>
  name.includes(".") ? name.slice(name.lastIndexOf(".") + 1).toLowerCase() : "";

function kinds(kind: ViewerKind, names: string): (readonly [string, ViewerKind])[] {
  return names.split(" ").map((name) => [name, kind]);
}
