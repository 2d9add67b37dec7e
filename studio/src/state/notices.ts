/** What the page has to say: errors and undoable deeds in a strip at its foot, answers in a live region for screen readers. */
import { effect, signal } from "@preact/signals";

export interface Notice {
  readonly kind: "error" | "done";
  readonly text: string;
  /** What there is to say of single files, a line each. */
  readonly lines?: readonly string[] | undefined;
  readonly action?: { readonly label: string; run(): void } | undefined;
}

export const notice = signal<Notice | undefined>(undefined);
/** Text that is read out, and not shown. */
export const spoken = signal("");

export const announce = (text: string): void => {
  spoken.value = text;
};

export function say(text: string, action?: Notice["action"]): void {
  notice.value = { kind: "done", text, ...(action !== undefined && { action }) };
}

/** What came of several files; those that could not be used are told one by one. */
export function report(text: string, problems: readonly string[]): void {
  notice.value = problems.length === 0 ? { kind: "done", text } : { kind: "error", text, lines: problems };
}

/** A notice that asks for nothing goes by itself. */
const SHOWN_MS = 6000;

let waning: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  const shown = notice.value;
  clearTimeout(waning);
  if (shown?.kind === "done" && shown.action === undefined) waning = setTimeout(dismiss, SHOWN_MS);
});

/** Shows an error as its one line. */
export function fail(error: unknown): void {
  notice.value = { kind: "error", text: messageOf(error) };
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs what may fail, and shows the error if it does. */
export function attempt(work: () => Promise<unknown>): void {
  work().catch(fail);
}

export const dismiss = (): void => {
  notice.value = undefined;
};
