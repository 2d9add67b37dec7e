/** Measurements beside each other: everyone's version of a task is opened, then all are measured in turn, round by round. */
import { Unavailable } from "../peers/child.mjs";
import { PEERS, SLOW_NETWORK } from "../peers/peers.mjs";
import { Ductus } from "./ductus.mjs";

/**
 * @param tasks as {@link taskOf} makes them
 * @param say takes a line about what is going on
 * @returns {{ backend, versions, contenders, notes, cells }} one cell per task and contender that could do it
 */
export async function contest(tasks, options, say) {
  const notes = [];
  const ductus = new Ductus(options);
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
    for (const task of tasks) {
      say(`${task.network}: ${task.kind} …`);
      cells.push(...(await inTurn(task, contenders, options, notes)));
    }
  } finally {
    for (const { child } of contenders) await child.close();
  }
  return { backend: ductus.description, versions, contenders: contenders.map(({ name }) => name), notes, cells };
}

/** Measures one task with everyone, in turn. */
async function inTurn(task, contenders, { rounds, seconds }, notes) {
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
  for (let turn = 0; turn < rounds; turn++) {
    for (const { cell, opened, slow } of cells) {
      if (slow && turn > 0) continue;
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
