/** What a run of bench/run.mjs found, as tables and as JSON. */
import { writeFileAtomic } from "../../dist/platform/node/atomic.js";
import { describeMachine } from "./machine.mjs";
import { figure, table } from "./table.mjs";
import { KINDS } from "./tasks.mjs";
import { median } from "./timing.mjs";

export function printReport({ machine, options, versions, contenders, notes, cells }) {
  console.log(describeMachine(machine));
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  console.log(`${named.join(", ")}; at most ${options.threads} ${options.threads === 1 ? "thread" : "threads"} each`);
  console.log(`ductus runs as: ${machine.backend}`);
  console.log(`median of ${options.rounds} × ${options.seconds} s; “×”: how many times as fast Ductus is`);
  for (const kind of KINDS) {
    const ofKind = cells.filter((cell) => cell.kind === kind.name);
    if (ofKind.length === 0) continue;
    console.log(`\n${kind.title}\n${table(rowsOf(kind, ofKind, contenders))}`);
  }
  const variants = cells.filter(({ note }) => note?.includes("failed") || note?.startsWith("batches of"));
  const remarks = variants.map(({ contender, network, kind, note }) => `${contender}, ${network}, ${kind}: ${note}`);
  const all = [...notes, ...remarks];
  if (all.length > 0) console.log(`\n${all.join("\n")}`);
}

function rowsOf(kind, cells, contenders) {
  const shown = contenders.filter((name) => cells.some(({ contender }) => contender === name));
  const peers = shown.filter((name) => name !== "ductus");
  const isTraining = kind.name === "training";
  const head = ["network", ...(isTraining ? ["recipe"] : []), "ductus", ...peers.flatMap((name) => [name, "×"])];
  const networks = [...new Set(cells.map(({ network }) => network))];
  const rows = networks.map((network) => {
    const find = (name) => cells.find((cell) => cell.network === network && cell.contender === name);
    const ductus = find("ductus");
    const speed = (cell) => (cell === undefined ? "–" : figure(kind.unit(median(cell.rates))));
    const recipe = isTraining ? [`${ductus.optimizer}, ${ductus.batch}`] : [];
    return [
      network,
      ...recipe,
      speed(ductus),
      ...peers.flatMap((name) => [speed(find(name)), ratio(ductus, find(name))]),
    ];
  });
  return [head, ...rows];
}

/** The median of the ratios of each round. */
function ratio(ductus, peer) {
  if (peer === undefined) return "–";
  return figure(median(peer.rates.map((rate, round) => ductus.rates[round] / rate)));
}

/** Writes everything that was measured, images/s of every round. */
export async function writeReport(path, results) {
  await writeFileAtomic(path, `${JSON.stringify(results, null, 2)}\n`);
}
