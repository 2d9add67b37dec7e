/**
 * A thread of a reader pool: does the tasks that it is sent, one after the other. Before it says that one is done it frees what
 * that took, so that the next has all of it: V8 would keep it until it has a reason.
 */
import { setPriority } from "node:os";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort } from "node:worker_threads";
import { nodePlatform } from "../../platform/node/platform.ts";
import { setPlatform } from "../../platform/platform.ts";
import { buffersOf } from "../batch.ts";
import { runTask, type Task, type TaskName, type Tasks } from "../reading.ts";
import { answerTo } from "../request-error.ts";
import type { Done } from "./reader-pool.ts";

/** Bytes of values and buffers that may stay until V8 looks. */
const KEPT = 2 ** 25;

/** Of 19, how much this thread lets others go first. */
const NICE = 5;

/** What of an output is given to the other thread and not copied. */
const GIVEN: { readonly [K in TaskName]: (output: Tasks[K][1]) => readonly ArrayBuffer[] } = {
  rows: ({ numbers, pictures }) => [
    ...(numbers === undefined ? [] : [numbers.buffer as ArrayBuffer]),
    ...pictures.map(({ bytes }) => bytes.buffer),
  ],
  tensor: ({ arrays }) => buffersOf(arrays),
  form: ({ files }) => files.map(({ bytes }) => bytes.buffer),
  picture: ({ sample }) => [sample.buffer as ArrayBuffer],
  // Small, and of many arrays.
  page: () => [],
  answers: () => [],
};

setPlatform(nodePlatform);
// On Linux, a priority is a thread's: the one that answers goes first.
if (process.platform === "linux") setPriority(NICE);
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function answer<K extends TaskName>(name: K, input: Tasks[K][0]): Promise<void> {
  let done: Done;
  let given: readonly ArrayBuffer[] = [];
  try {
    const output = await runTask(name, input);
    done = { output };
    given = GIVEN[name](output);
  } catch (error) {
    const { status, message } = answerTo(error);
    done = { status, message, stack: status === 500 && error instanceof Error ? error.stack : undefined };
  }
  parentPort?.postMessage(done, given);
}

parentPort?.on("message", async ({ name, input }: Task) => {
  await answer(name, input);
  const { used_heap_size: values, external_memory: buffers } = getHeapStatistics();
  if (values + buffers > KEPT) collect();
});
