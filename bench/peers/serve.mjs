/** The other end of child.mjs, for peers written in JavaScript. */
import { createInterface } from "node:readline";
import { stepsPerSecond } from "../lib/timing.mjs";

/**
 * Answers requests until standard input ends.
 * @param versions for the report
 * @param open (task) → { step, images, note }: one warmed-up step on so many images
 */
export async function serve(versions, open) {
  let current;
  const handlers = {
    hello: () => ({ versions }),
    open: async ({ task }) => {
      current = await open(task);
      return { note: current.note, batch: current.images };
    },
    measure: async ({ seconds }) => ({ rate: (await stepsPerSecond(current.step, seconds)) * current.images }),
    close: () => {
      current = undefined;
      return {};
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    let answer;
    try {
      answer = await handlers[request.do](request);
    } catch (error) {
      answer = { error: String(error.message ?? error).split("\n")[0] };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit();
}
