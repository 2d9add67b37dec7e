/** Runs a target of fuzz-targets.mjs: many damaged inputs, one after the other, each decided by the seed and its number. */
import { random } from "./mutations.mjs";

/**
 * @param target made by `targetsOf`
 * @param isRefusal tells errors that are meant from others
 * @param hear hears of each internal error
 * @returns counts, the slowest refusal in milliseconds of processor time with the number of its input, and the peak of the
 *   process's memory
 */
export async function fuzz(target, { count, seed, first = 0, isRefusal, hear = () => {} }) {
  const found = { accepted: 0, refused: 0, internal: 0, slowest: 0, slowestInput: undefined, slowestAccepted: 0 };
  for (let i = first; i < first + count; i++) {
    const input = await target.make(random(Math.imul(seed, 0x9e3779b1) + i));
    const before = process.cpuUsage();
    let error;
    try {
      await target.read(input);
    } catch (thrown) {
      error = thrown;
    }
    const { user, system } = process.cpuUsage(before);
    const milliseconds = (user + system) / 1000;
    if (error === undefined) {
      found.accepted++;
      found.slowestAccepted = Math.max(found.slowestAccepted, milliseconds);
      continue;
    }
    if (isRefusal(error)) found.refused++;
    else {
      found.internal++;
      hear(i, error);
    }
    if (milliseconds > found.slowest) Object.assign(found, { slowest: milliseconds, slowestInput: i });
  }
  return { count, ...found, peakMiB: process.resourceUsage().maxRSS / 1024 };
}
