/** How much faster several threads are than one, and how much of that the machine allows. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Ductus } from "../lib/ductus.mjs";
import { figure, table } from "../lib/table.mjs";
import { findKind, TUTORIAL_NETWORKS, taskOf } from "../lib/tasks.mjs";
import { geometricMean, median } from "../lib/timing.mjs";
import { OPTIONS } from "../lib/usage.mjs";

const ALONE = fileURLToPath(new URL("../children/alone.mjs", import.meta.url));

export const subject = {
  summary: "several threads against one",
  about: `Rounds are interleaved: one thread, all threads, as many processes of one thread each, one thread, … Processes wait for
nobody, so what they make together is as much as the machine gives: its cores share memory, caches and power.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    kinds: OPTIONS.kinds(),
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("0.5"),
    rounds: OPTIONS.rounds("5"),
  },
  examples: ["--networks cnn-same --rounds 11"],

  async measure({ networks, kinds, threads, seconds, rounds }, say) {
    // One that fails has said why.
    const start = () => fork(ALONE).once("exit", (code) => code !== 0 && process.exit(1));
    const children = Array.from({ length: threads }, start);
    const together = new Ductus({ threads });
    const cells = [];
    for (const network of networks) {
      for (const kind of kinds) {
        say(`${network}: ${kind} …`);
        const task = taskOf(findKind(kind), network, 1);
        const opened = await together.open({ ...task, threads });
        await Promise.all(children.map((child) => ask(child, { task })));
        const cell = { network, kind, one: [], all: [], processes: [] };
        for (let turn = 0; turn < rounds; turn++) {
          cell.one.push(await ask(children[0], { seconds }));
          cell.all.push(await opened.measure(seconds));
          const rates = await Promise.all(children.map((child) => ask(child, { seconds })));
          cell.processes.push(rates.reduce((sum, rate) => sum + rate));
        }
        await opened.close();
        cells.push(cell);
      }
    }
    await together.close();
    for (const child of children) child.disconnect();
    return { cells };
  },

  format({ options: { threads }, cells }) {
    const against = (name) => cells.map((cell) => median(cell[name].map((rate, turn) => rate / cell.one[turn])));
    const [all, processes] = [against("all"), against("processes")];
    const rows = cells.map(({ network, kind, ...rates }, i) => [
      `${network}, ${kind}`,
      figure(median(rates.one)),
      figure(median(rates.all)),
      figure(all[i]),
      figure(processes[i]),
    ]);
    const mean = ["geometric mean", "", "", figure(geometricMean(all)), figure(geometricMean(processes))];
    return table([["images/s", "1 thread", `${threads} threads`, "×", `${threads} processes, ×`], ...rows, mean]);
  },
};

/** Sends a message to a child and waits for the answer. */
async function ask(child, message) {
  child.send(message);
  const [answer] = await once(child, "message");
  return answer;
}
