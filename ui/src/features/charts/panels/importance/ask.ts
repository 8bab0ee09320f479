import type { Analysis, Question } from "~/features/charts/panels/importance/analysis";

/** The answer to a question, found beside the page; it fails where the browser does not run what finds it. */
export async function ask(question: Question, signal?: AbortSignal): Promise<Analysis> {
  const worker = new Worker(new URL("./importance.worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<Analysis>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Analysis>) => resolve(data));
      worker.addEventListener("error", () => reject(new Error("the script that compares runs did not run")));
      signal?.addEventListener("abort", () => reject(new DOMException("nobody waits for it", "AbortError")));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- of windows alone: a worker has no other origin
      worker.postMessage(question);
    });
  } finally {
    worker.terminate();
  }
}
