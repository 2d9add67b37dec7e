/** Models that come with the studio. */

export interface Base {
  readonly id: string;
  /** Shown to users; "digits" is translated. */
  readonly name: string;
  readonly url: string;
}

export const BASES: readonly Base[] = [{ id: "base", name: "digits", url: "models/digits.safetensors" }];
