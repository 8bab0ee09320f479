/** Answers a question beside the page: a forest takes longer than a page may stand still. */

import type { Question } from "~/features/charts/panels/importance/analysis";
import { analysed } from "~/features/charts/panels/importance/analysis";

addEventListener("message", ({ data }: MessageEvent<Question>) => postMessage(analysed(data)));
