import type { LanguageFn } from "highlight.js";
import hljs from "highlight.js/lib/core";

import { suffixOf } from "~/viewers/viewerOf";

type Load = () => Promise<{ readonly default: LanguageFn }>;

const LANGUAGES: ReadonlyMap<string, Load> = new Map<string, Load>([
  ["bash", () => import("highlight.js/lib/languages/bash")],
  ["cpp", () => import("highlight.js/lib/languages/cpp")],
  ["css", () => import("highlight.js/lib/languages/css")],
  ["diff", () => import("highlight.js/lib/languages/diff")],
  ["dockerfile", () => import("highlight.js/lib/languages/dockerfile")],
  ["go", () => import("highlight.js/lib/languages/go")],
  ["ini", () => import("highlight.js/lib/languages/ini")],
  ["java", () => import("highlight.js/lib/languages/java")],
  ["javascript", () => import("highlight.js/lib/languages/javascript")],
  ["json", () => import("highlight.js/lib/languages/json")],
  ["julia", () => import("highlight.js/lib/languages/julia")],
  ["latex", () => import("highlight.js/lib/languages/latex")],
  ["makefile", () => import("highlight.js/lib/languages/makefile")],
  ["markdown", () => import("highlight.js/lib/languages/markdown")],
  ["python", () => import("highlight.js/lib/languages/python")],
  ["r", () => import("highlight.js/lib/languages/r")],
  ["rust", () => import("highlight.js/lib/languages/rust")],
  ["scala", () => import("highlight.js/lib/languages/scala")],
  ["sql", () => import("highlight.js/lib/languages/sql")],
  ["typescript", () => import("highlight.js/lib/languages/typescript")],
  ["xml", () => import("highlight.js/lib/languages/xml")],
  ["yaml", () => import("highlight.js/lib/languages/yaml")],
]);
const BY_SUFFIX: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bash: "sh bash zsh",
    cpp: "c h cc cpp hpp cu",
    css: "css",
    diff: "diff patch",
    go: "go",
    ini: "ini cfg conf toml properties env",
    java: "java",
    javascript: "js mjs jsx",
    json: "json geojson ipynb jsonl ndjson webmanifest",
    julia: "jl",
    latex: "tex",
    markdown: "md markdown",
    python: "py pyi",
    r: "r",
    rust: "rs",
    scala: "scala",
    sql: "sql",
    typescript: "ts tsx",
    xml: "xml html htm svg",
    yaml: "yaml yml mlmodel",
  }).flatMap(([language, suffixes]) => suffixes.split(" ").map((suffix) => [suffix, language] as const)),
);
const BY_NAME: ReadonlyMap<string, string> = new Map([
  ["mlmodel", "yaml"],
  ["dockerfile", "dockerfile"],
  ["makefile", "makefile"],
]);

/** The language of a file by its name; null for plain text. */
export const languageOf = (name: string): string | null =>
  BY_NAME.get(name.toLowerCase()) ?? BY_SUFFIX.get(suffixOf(name)) ?? null;

/** Code as highlight.js marks it. */
export async function highlighted(code: string, language: string): Promise<string> {
  if (hljs.getLanguage(language) === undefined) {
    const load = LANGUAGES.get(language);
    if (load === undefined) throw new Error(`there is no language ${language}`);
    hljs.registerLanguage(language, (await load()).default);
  }
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
