/**
 * Options and their defaults. Every optional property of Ductus also takes `undefined`, so that its types hold for projects
 * with TypeScript's `exactOptionalPropertyTypes`; TypeScript's own Partial and Required do not work that way.
 */

/** Every property may be left out, or be undefined. */
export type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Every property is there, and none is undefined: options with their defaults filled in. */
export type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** What is given, and the default of what is left out or undefined. */
export function filled<T extends object>(defaults: T, given: Optional<T>): T {
  const chosen = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(chosen) };
}

/** Any string; editors complete the known ones. */
export type Suggested<Known extends string> = Known | (string & {});
