/** Light or dark: as the system has it, or as chosen here. The attribute `data-theme` of the page is what the style looks at. */
import { computed, effect, signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "ductus.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", ({ matches }) => {
  systemIsDark.value = matches;
});

const kept = localStorage.getItem(KEY);
export const theme = signal<Theme>(THEMES.find((each) => each === kept) ?? "system");
export const dark = computed(() => (theme.value === "system" ? systemIsDark.value : theme.value === "dark"));

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  localStorage.setItem(KEY, chosen);
}

effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
