/**
 * `npm run bench`: the speed of training and inference of every named network, beside other libraries where they can be
 * had. Rounds are interleaved (Ductus, PyTorch, …, Ductus, …), so that whatever else the machine does hits all alike.
 */
import { requireBuild } from "./lib/build.mjs";

requireBuild();
const [{ availableParallelism }, { readOptions, names, number }, { NETWORKS }, { PEER_NAMES }] = await Promise.all([
  import("node:os"),
  import("./lib/usage.mjs"),
  import("./lib/tasks.mjs"),
  import("./peers/peers.mjs"),
]);

const HELP = `Usage: npm run bench -- [options]

Measures training and inference of the named networks, beside other libraries.

  --networks a,b   of: ${NETWORKS.join(" ")} (default: all)
  --peers a,b      of: ${PEER_NAMES.join(" ")}; or none (default: all)
  --threads N      for every contender (default: the cores, here ${availableParallelism()})
  --seconds S      of each measurement (default: 1)
  --rounds N       measurements of each number, of which the median is shown (default: 3)
  --strict         Ductus without fused multiply-add
  --compile        try torch.compile too: slow to start, and it needs a C++ compiler
  --json FILE      write all measurements to FILE
  --help           this text

Examples:
  npm run bench -- --networks cnn-3x3 --peers none
  PYTHON=~/torch/bin/python npm run bench -- --peers pytorch,onnxruntime --json speed.json`;

const options = readOptions(
  HELP,
  {
    networks: { type: "string", default: NETWORKS.join(",") },
    peers: { type: "string", default: PEER_NAMES.join(",") },
    threads: { type: "string", default: String(availableParallelism()) },
    seconds: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    strict: { type: "boolean", default: false },
    compile: { type: "boolean", default: false },
    json: { type: "string" },
  },
  (given) => ({
    networks: names("network", given.networks, NETWORKS),
    peers: given.peers === "none" ? [] : names("peer", given.peers, PEER_NAMES),
    threads: number("threads", given.threads, 1, true),
    seconds: number("seconds", given.seconds, 0.01),
    rounds: number("rounds", given.rounds, 1, true),
    strict: given.strict,
    compile: given.compile,
    json: given.json,
  }),
);

const { benchmark } = await import("./lib/benchmark.mjs");
const { printReport, writeReport } = await import("./lib/report.mjs");
const results = await benchmark(options, (line) => console.error(line));
printReport(results);
try {
  if (options.json !== undefined) await writeReport(options.json, results);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
