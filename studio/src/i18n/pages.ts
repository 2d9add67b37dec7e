/** The texts of the view that reads pages, apart from the others: whoever does without it does not load them. */
import { computed } from "@preact/signals";
import { type Language, language } from "./i18n.ts";
import { en } from "./pages-en.ts";
import { zh } from "./pages-zh.ts";

export type PageTexts = typeof en;

const TEXTS: Readonly<Record<Language, PageTexts>> = { en, zh };

export const pageTexts = computed<PageTexts>(() => TEXTS[language.value]);
