/** How the pages look to this person, kept in the browser. */
export type Theme = "system" | "light" | "dark";
export type Density = "compact" | "comfortable";

const THEME = "trivet.theme";
const DENSITY = "trivet.density";

export const themeNow = (): Theme => {
  const kept = localStorage.getItem(THEME);
  return kept === "light" || kept === "dark" ? kept : "system";
};

export const densityNow = (): Density => (localStorage.getItem(DENSITY) === "comfortable" ? "comfortable" : "compact");

export function setTheme(theme: Theme): void {
  localStorage.setItem(THEME, theme);
  applyAppearance();
}

export function setDensity(density: Density): void {
  localStorage.setItem(DENSITY, density);
  applyAppearance();
}

/** Makes the page look as it was chosen. */
export function applyAppearance(): void {
  document.documentElement.dataset["theme"] = themeNow();
  document.documentElement.dataset["density"] = densityNow();
}
