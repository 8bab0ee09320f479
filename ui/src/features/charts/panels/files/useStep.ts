import { useState } from "react";

/** The step that is shown: while somebody slides, that is not in the settings yet. */
export function useStep(inSettings: number | null, onSettled: (step: number | null) => void) {
  const [slid, setSlid] = useState<{ readonly step: number | null } | null>(null);
  const [known, setKnown] = useState(inSettings);
  if (known !== inSettings) {
    setKnown(inSettings);
    setSlid(null);
  }
  return {
    step: slid === null ? inSettings : slid.step,
    onStep: (step: number | null, isDone: boolean): void => {
      setSlid({ step });
      if (isDone) onSettled(step);
    },
  };
}
