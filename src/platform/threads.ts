/** What is the same wherever there are threads. */
import { UsageError } from "../engine/errors.ts";

/** More threads than this are a mistake of the caller's, on any machine. */
const MAX_THREADS = 256;

/** @throws UsageError when `threads` is no number of threads */
export function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return;
  throw new UsageError(`threads is ${threads}; expected a whole number from 1 to ${MAX_THREADS}`);
}
