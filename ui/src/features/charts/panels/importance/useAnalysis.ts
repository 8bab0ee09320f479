import { useEffect, useRef, useState } from "react";

import type { Analysis, Question } from "~/features/charts/panels/importance/analysis";
import { ask } from "~/features/charts/panels/importance/ask";

interface Answer {
  readonly question: Question;
  /** Null where it was not found. */
  readonly analysis: Analysis | null;
}

/**
 * The answer to a question, or to the one before; null until there is one. A question that comes while another one is
 * looked into waits for its end: of runs that go on, newer ones come faster than answers.
 */
export function useAnalysis(question: Question | null): Answer | null {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const asking = useRef<AbortController>(null);
  useEffect(() => {
    if (question === null || asking.current !== null || question === answer?.question) return;
    const ending = new AbortController();
    asking.current = ending;
    const tell = (analysis: Analysis | null): void => {
      if (ending.signal.aborted) return;
      asking.current = null;
      setAnswer({ question, analysis });
    };
    ask(question, ending.signal).then(tell, () => tell(null));
  }, [question, answer]);
  useEffect(
    () => () => {
      asking.current?.abort();
      asking.current = null;
    },
    [],
  );
  return answer;
}
