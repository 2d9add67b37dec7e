/** Ctrl-C while training. */
import type { Terminal } from "./terminal.ts";

export interface Interrupt {
  readonly signal: AbortSignal;
  /** 128 + the signal's number once one came, else 0. */
  readonly status: number;
  release(): void;
}

const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** The first Ctrl-C ends training after the current step; the second ends the process. */
export function catchInterrupts(terminal: Terminal): Interrupt {
  const abort = new AbortController();
  let status = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    const own = STATUS[name as keyof typeof STATUS];
    if (status !== 0) process.exit(own);
    status = own;
    terminal.note("stopping after this step; once more to leave at once");
    abort.abort();
  };
  for (const name of Object.keys(STATUS)) process.on(name, onSignal);
  return {
    signal: abort.signal,
    get status() {
      return status;
    },
    release: () => {
      for (const name of Object.keys(STATUS)) process.off(name, onSignal);
    },
  };
}

/** For servers: resolves with the first signal to end; the second ends the process. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let count = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (++count > 1) process.exit(1);
      resolve(signal);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
