import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vite";

const PAGES = fileURLToPath(new URL("../services/gateway/src/trivet_gateway/ui", import.meta.url));
const SMALLEST_COMPRESSED_BYTES = 1024;

/**
 * What every page needs is one file: a file costs a turn of one of the six connections that a browser opens, whatever its
 * size. What only some pages share is left to the bundler: brought together by hand, pages got parts of it that were not
 * there yet.
 */
const CHUNKS = [{ name: "first", tags: ["$initial" as const] }];

/** Every file that browsers fetch, also compressed, so that the gateway compresses none. */
function precompressed(): Plugin {
  const compress = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) {
        compress(path);
      } else if (/\.(js|css|svg|html|json|wasm)$/.test(name)) {
        const content = readFileSync(path);
        if (content.length < SMALLEST_COMPRESSED_BYTES) continue;
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
      }
    }
  };
  return { name: "precompressed", apply: "build", closeBundle: () => compress(PAGES) };
}

export default defineConfig({
  base: "/ui/",
  resolve: { alias: { "~": fileURLToPath(new URL("src", import.meta.url)) } },
  plugins: [react(), precompressed()],
  build: {
    outDir: PAGES,
    emptyOutDir: true,
    target: "es2023",
    // What is inlined would be a data: URL, which the policy of the pages forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    // What others wrote is given on with the terms that they ask for.
    license: { fileName: "licenses.md" },
    // Its entry also makes a decompressor of WebAssembly, which the policy of the pages does not allow and nothing here uses.
    rolldownOptions: {
      treeshake: { moduleSideEffects: (id) => !id.includes("/hyparquet-compressors/") },
      output: { codeSplitting: { groups: CHUNKS } },
    },
    chunkSizeWarningLimit: 800,
  },
  server: {
    // `npm run dev` beside a running `trivet up`: TRIVET_GATEWAY names another one.
    proxy: Object.fromEntries(
      ["/trivet.", "/api", "/ajax-api", "/get-artifact", "/health", "/version", "^/w/[^/]+/files/"].map((path) => [
        path,
        { target: process.env["TRIVET_GATEWAY"] ?? "http://127.0.0.1:7331", changeOrigin: true },
      ]),
    ),
  },
});
