/** The runs folder, where the page was opened by `ductus studio`: that says so in the page's head. */
export interface RunRecord {
  readonly name: string;
  readonly data?: string;
  readonly model?: string;
  readonly accuracy?: number;
  readonly interval?: { readonly low: number; readonly high: number };
  readonly epochs: number;
  readonly seconds?: number;
  readonly ended?: string;
  readonly hasReport: boolean;
  readonly files: readonly string[];
}

/** Undefined on a static site, which has none. */
export const runsAddress = document.querySelector<HTMLMetaElement>('meta[name="ductus-runs"]')?.content;
