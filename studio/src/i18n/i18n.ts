/**
 * The language of the page: which one, its texts, and numbers and dates as it writes them. Texts are total maps of one
 * type ({@link Texts}), so a missing text does not compile. What reads a signal here is drawn anew when the language changes.
 */
import { computed, effect, signal } from "@preact/signals";
import { en } from "./en.ts";
import { zh } from "./zh.ts";

export type Texts = typeof en;
export type Language = "en" | "zh";

/** Each language in its own name, and as `lang` wants it. */
export const LANGUAGES = {
  en: { name: "English", tag: "en", texts: en },
  zh: { name: "中文", tag: "zh-Hans", texts: zh },
} as const satisfies Record<Language, { name: string; tag: string; texts: Texts }>;

const KEY = "ductus.language";

function initial(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept === "en" || kept === "zh") return kept;
  const spoken = navigator.languages.find((tag) => /^(en|zh)\b/i.test(tag));
  return spoken?.toLowerCase().startsWith("zh") === true ? "zh" : "en";
}

export const language = signal<Language>(initial());

export function chooseLanguage(chosen: Language): void {
  language.value = chosen;
  localStorage.setItem(KEY, chosen);
}

export const texts = computed<Texts>(() => LANGUAGES[language.value].texts);

const format = computed(() => {
  const { tag } = LANGUAGES[language.value];
  return {
    whole: new Intl.NumberFormat(tag, { maximumFractionDigits: 0 }),
    percent: new Intl.NumberFormat(tag, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }),
    decimal: new Intl.NumberFormat(tag, { maximumSignificantDigits: 3 }),
    exact: new Intl.NumberFormat(tag, { maximumSignificantDigits: 12 }),
    date: new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }),
    tenth: new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
  };
});

export const whole = (value: number): string => format.value.whole.format(value);
/** @param part 0 … 1 */
export const percent = (part: number): string => format.value.percent.format(part);
export const decimal = (value: number): string => format.value.decimal.format(value);
/** With all its digits. */
export const exact = (value: number): string => format.value.exact.format(value);
export const date = (time: number): string => format.value.date.format(time);
export const milliseconds = (value: number): string => `${format.value.tenth.format(Math.max(0.1, value))}\u00a0ms`;

export function bytes(count: number): string {
  if (count < 1e6) return `${decimal(count / 1e3)}\u00a0kB`;
  return `${decimal(count / 1e6)}\u00a0MB`;
}

export function duration(seconds: number): string {
  const { second, minute } = texts.value.units;
  if (seconds < 90) return second(whole(Math.max(1, Math.round(seconds))));
  return minute(whole(Math.round(seconds / 60)));
}

effect(() => {
  document.documentElement.lang = LANGUAGES[language.value].tag;
  document.title = texts.value.title;
});
