/** The runs folder, where the page was opened by `ductus studio`: that says so in the page's head. */
export type RunStatus = "running" | "done" | "interrupted" | "diverged" | "failed";

export interface RunRecord {
  readonly name: string;
  readonly status: RunStatus;
  /** Why it went wrong. */
  readonly reason?: string | undefined;
  readonly data?: string | undefined;
  readonly model?: string | undefined;
  /** The primary measure of the model's task, and its value on the test samples. */
  readonly measure: string;
  readonly value?: number | undefined;
  readonly interval?: { readonly low: number; readonly high: number } | undefined;
  readonly epochs: number;
  readonly seconds?: number | undefined;
  readonly ended?: string | undefined;
  readonly hasReport: boolean;
  readonly files: readonly string[];
}

/** Undefined on a static site, which has none. */
export const runsAddress = document.querySelector<HTMLMetaElement>('meta[name="ductus-runs"]')?.content;
