/** In a worker of a page: programs on Web Workers, opened and measured as messages ask for it. */
import { browserWasmBackend } from "../../dist/platform/browser/threads.js";
import { prepare } from "../lib/programs.mjs";
import { stepsPerSecond } from "../lib/timing.mjs";

const backends = new Map();
const opened = new Map();

const answers = {
  async open({ task }) {
    const { threads } = task;
    if (!backends.has(threads)) backends.set(threads, browserWasmBackend({ threads }));
    const backend = backends.get(threads);
    opened.set(JSON.stringify(task), await prepare(task, backend));
    return backend.description;
  },
  measure: async ({ task, seconds }) =>
    task.batch * (await stepsPerSecond(opened.get(JSON.stringify(task)).step, seconds)),
};

globalThis.onmessage = async ({ data }) => {
  try {
    postMessage({ answer: await answers[data.question](data) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
