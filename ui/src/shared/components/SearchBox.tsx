import type { Ref } from "react";
import { useEffect, useEffectEvent, useState } from "react";

const TYPING_MS = 150;

interface Properties {
  /** What it searches: its name, and what it shows while it is empty. */
  readonly label: string;
  /** What is searched for, as the URL has it. */
  readonly text: string;
  /** Told what was typed, when the typing rests. */
  readonly onText: (text: string) => void;
  readonly boxRef?: Ref<HTMLInputElement>;
}

/** A box for a text to search for. */
export function SearchBox({ label, text, onText, boxRef }: Properties) {
  const [typed, setTyped] = useState(text);
  const [shown, setShown] = useState(text);
  const [told, setTold] = useState(text);
  if (text !== shown) {
    // Back and forward change the URL, which counts; what came from here is there already.
    setShown(text);
    if (text !== told) {
      setTold(text);
      setTyped(text);
    }
  }
  const tell = useEffectEvent((rested: string) => {
    setTold(rested);
    if (rested !== text) onText(rested);
  });
  useEffect(() => {
    const timer = setTimeout(() => tell(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <input
      ref={boxRef}
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
