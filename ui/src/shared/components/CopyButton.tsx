import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

import { IconButton } from "~/shared/components/Button";

const SAID_MS = 1500;

/** Puts a text on the clipboard, and says so. */
export function CopyButton({ text, label = "Copy" }: { readonly text: string; readonly label?: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (): void => {
    void navigator.clipboard.writeText(text).then(() => setCopied(true));
  };
  return <IconButton label={isCopied ? "Copied" : label} icon={isCopied ? <Check /> : <Copy />} onClick={copy} />;
}
