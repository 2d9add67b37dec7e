/** `synthesis`: data made of other data. An entry point, so the one place that may re-export. */

export type { Clutter } from "../synthesis/clutter.ts";
export type { Kinds } from "../synthesis/content.ts";
export type { Spacing } from "../synthesis/layout.ts";
export { STYLES, Strings, type Style, type StyleName } from "../synthesis/strings.ts";
export { alphabetOf, type StringsOfOptions, stringsOf } from "../synthesis/strings-of.ts";
