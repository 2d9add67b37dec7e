/** Tasks of Ductus alone, measured in turn. */
import { Ductus } from "./ductus.mjs";

/** Images/s of each task, one number a round. */
export async function contestOf(tasks, { seconds, rounds, strict }) {
  const ductus = new Ductus({ threads: tasks[0].threads, strict });
  const opened = [];
  for (const task of tasks) opened.push(await ductus.open(task));
  const rates = tasks.map(() => []);
  for (let turn = 0; turn < rounds; turn++) {
    for (const [i, { measure }] of opened.entries()) rates[i].push(await measure(seconds));
  }
  for (const { close } of opened) await close();
  await ductus.close();
  return rates;
}
