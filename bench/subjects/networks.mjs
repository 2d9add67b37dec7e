/** Training and inference of the named networks, beside other libraries. */

import { contest } from "../lib/contest.mjs";
import { figure, table } from "../lib/table.mjs";
import { findKind, KINDS, TUTORIAL_NETWORKS, taskOf } from "../lib/tasks.mjs";
import { geometricMean, median } from "../lib/timing.mjs";
import { names, OPTIONS } from "../lib/usage.mjs";
import { PEER_NAMES } from "../peers/peers.mjs";

export const subject = {
  summary: "training and inference of networks, beside other libraries",
  about: `Rounds are interleaved (Ductus, PyTorch, …, Ductus, …), so that whatever else the machine does hits all alike.
Peers stand with the fastest of their variants: memory layouts, all threads or one, torch.compile where it works.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    kinds: OPTIONS.kinds("all"),
    peers: {
      value: "a,b",
      default: "pytorch,onnxruntime",
      read: names("peer", PEER_NAMES),
      about: `of: ${PEER_NAMES.join(" ")}; or all, none`,
    },
    threads: OPTIONS.threads(),
    seconds: OPTIONS.seconds("1"),
    rounds: OPTIONS.rounds("3"),
    strict: OPTIONS.strict(),
    "no-compile": { about: "leave torch.compile out: it takes minutes to start, and needs a C++ compiler" },
  },
  examples: ["--networks cnn-3x3 --peers none", '--networks cnn-3x3 --kinds "training" --no-compile --rounds 7'],

  measure: ({ networks, kinds, "no-compile": noCompile, ...options }, say) => {
    const tasks = networks.flatMap((network) => kinds.map((kind) => taskOf(findKind(kind), network, options.threads)));
    return contest(tasks, { ...options, compile: !noCompile }, say);
  },

  format({ options, backend, versions, contenders, notes, cells }) {
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    const head = [
      `${named.join(", ")}; at most ${options.threads} ${options.threads === 1 ? "thread" : "threads"} each`,
      `ductus runs as: ${backend}`,
      `median of ${options.rounds} × ${options.seconds} s; “×”: how many times as fast Ductus is`,
    ];
    const tables = KINDS.map((kind) => ({ kind, own: cells.filter((cell) => cell.kind === kind.name) }))
      .filter(({ own }) => own.length > 0)
      .map(({ kind, own }) => `\n${kind.title}\n${table(rowsOf(kind, own, contenders))}`);
    const remarks = cells
      .filter(({ note }) => note?.includes("failed") || note?.startsWith("batches of"))
      .map(({ contender, network, kind, note }) => `${contender}, ${network}, ${kind}: ${note}`);
    return [...head, ...tables, "", ...notes, ...remarks].join("\n").trimEnd();
  },
};

function rowsOf(kind, cells, contenders) {
  const peers = contenders.filter((name) => name !== "ductus" && cells.some(({ contender }) => contender === name));
  const isTraining = kind.name === "training";
  const head = ["network", ...(isTraining ? ["recipe"] : []), "ductus", ...peers.flatMap((name) => [name, "×"])];
  const networks = [...new Set(cells.map(({ network }) => network))];
  const find = (network, name) => cells.find((cell) => cell.network === network && cell.contender === name);
  const rows = networks.map((network) => {
    const ductus = find(network, "ductus");
    const speed = (cell) => (cell === undefined ? "–" : figure(kind.unit(median(cell.rates))));
    const shown = (value) => (value === undefined ? "–" : figure(value));
    return [
      network,
      ...(isTraining ? [`${ductus.optimizer}, ${ductus.batch}`] : []),
      speed(ductus),
      ...peers.flatMap((name) => [speed(find(network, name)), shown(ratio(ductus, find(network, name)))]),
    ];
  });
  const means = peers.flatMap((name) => {
    const ratios = TUTORIAL_NETWORKS.map((network) => ratio(find(network, "ductus"), find(network, name)));
    // A mean over fewer networks would be another number under the same name.
    return ["", ratios.every((value) => value !== undefined) ? figure(geometricMean(ratios)) : ""];
  });
  const mean = ["geometric mean of the six", ...(isTraining ? [""] : []), "", ...means];
  return [head, ...rows, ...(means.some((cell) => cell !== "") ? [mean] : [])];
}

/** The median of the ratios of each round. */
function ratio(ductus, peer) {
  if (ductus === undefined || peer === undefined) return undefined;
  return median(peer.rates.map((rate, turn) => ductus.rates[turn] / rate));
}
