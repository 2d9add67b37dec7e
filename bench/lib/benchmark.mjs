/** The run of bench/run.mjs: opens every contender's version of a task, measures them in turn, closes them. */
import { Unavailable } from "../peers/child.mjs";
import { PEERS, SLOW_NETWORK } from "../peers/peers.mjs";
import { Ductus } from "./ductus.mjs";
import { machine } from "./machine.mjs";
import { KINDS, taskOf } from "./tasks.mjs";

/**
 * @param say takes a line about what is going on
 * @returns {{ machine, options, versions, contenders, notes, cells }} one cell per network, kind and contender
 */
export async function benchmark(options, say) {
  const notes = [];
  const ductus = new Ductus(options);
  const start = { ...machine(), backend: ductus.description };
  const contenders = [{ name: "ductus", child: ductus, slow: false }];
  const versions = { ...ductus.versions };
  for (const peer of options.peers) {
    for (const [name, launch] of Object.entries(PEERS[peer].contenders)) {
      say(`starting ${name} …`);
      try {
        const child = await launch(options);
        const hello = await child.ask({ do: "hello" });
        Object.assign(versions, hello.versions);
        contenders.push({ name, child, slow: PEERS[peer].slow === true, kinds: PEERS[peer].kinds });
      } catch (error) {
        notes.push(`${name}: left out, ${reasonOf(error)} (${PEERS[peer].get})`);
      }
    }
  }
  const cells = [];
  try {
    for (const network of options.networks) {
      for (const kind of KINDS) {
        say(`${network}: ${kind.name} …`);
        const task = taskOf(kind, network, options.threads);
        cells.push(...(await contest(task, contenders, options, notes)));
      }
    }
  } finally {
    for (const { child } of contenders) await child.close();
  }
  return { machine: start, options, versions, contenders: contenders.map(({ name }) => name), notes, cells };
}

/** Measures one task with everyone, in turn. */
async function contest(task, contenders, { rounds, seconds }, notes) {
  const cells = [];
  for (const { name, child, slow, kinds } of contenders) {
    if ((slow && task.network !== SLOW_NETWORK) || kinds?.includes(task.kind) === false) continue;
    try {
      const opened = await child.open(task);
      const { kind, network, batch, optimizer } = task;
      cells.push({
        cell: { network, kind, contender: name, batch: opened.batch ?? batch, optimizer, rates: [] },
        opened,
        slow,
      });
      if (opened.note !== undefined) cells.at(-1).cell.note = opened.note;
    } catch (error) {
      notes.push(`${name}, ${task.network}, ${task.kind}: ${reasonOf(error)}`);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { cell, opened, slow } of cells) {
      if (slow && round > 0) continue;
      try {
        cell.rates.push(await opened.measure(seconds));
      } catch (error) {
        notes.push(`${cell.contender}, ${task.network}, ${task.kind}: ${reasonOf(error)}`);
      }
    }
  }
  for (const { opened } of cells) await opened.close().catch(() => {});
  return cells.map(({ cell }) => cell).filter(({ rates }) => rates.length > 0);
}

/** One line; anything but a peer that is unavailable is an error of ours. */
function reasonOf(error) {
  if (error instanceof Unavailable) return error.message;
  throw error;
}
