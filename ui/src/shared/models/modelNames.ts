const MAX_LENGTH = 250;

/** Why a text can be no name of a model; empty where it can, or is not typed yet. */
export function nameFault(name: string): string {
  if (name.length > MAX_LENGTH) return `At most ${MAX_LENGTH} characters`;
  if (name === "." || name === "..") return "Another name than dots alone";
  return /[/:\p{Cc}]/u.test(name) ? "No / and no : in it" : "";
}
