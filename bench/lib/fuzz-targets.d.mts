import type { Random } from "./mutations.mjs";

/** A reader, and what damages files for it. */
export interface Target {
  make(rng: Random): unknown;
  read(input: unknown): unknown;
  close?(): Promise<void>;
}

export function targetsOf(
  // biome-ignore lint/suspicious/noExplicitAny: modules of any kind
  modules: (path: string) => Promise<any>,
): Readonly<Record<string, () => Promise<Target>>>;
