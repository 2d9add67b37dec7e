/** `ductus serve` under load: many clients at once against one after the other, with and without batching, and ONNX Runtime. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { exportOnnx } from "../../dist/export/onnx.js";
import { create } from "../../dist/models/registry.js";
import { MNIST_PREPROCESSING } from "../../dist/picture/preprocessing.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { setPlatform } from "../../dist/platform/platform.js";
import { encodeModel } from "../../dist/use/trained-model.js";
import { load, quantile } from "../lib/clients.mjs";
import { attack, LOAD_NAMES } from "../lib/hostile.mjs";
import { DUCTUS } from "../lib/processes.mjs";
import { figure, table } from "../lib/table.mjs";
import { TUTORIAL_NETWORKS } from "../lib/tasks.mjs";
import { median } from "../lib/timing.mjs";
import { number, OPTIONS } from "../lib/usage.mjs";
import { Unavailable } from "../peers/child.mjs";
import { packagesOf } from "../peers/packages.mjs";

/** Kinds of load: clients at a time, and the server that has them. */
const loads = (clients) => [
  { name: "one by one", clients: 1, server: "batched" },
  { name: `${clients} clients`, clients, server: "batched" },
  { name: `${clients} clients, no batches`, clients, server: "single" },
  { name: "ONNX Runtime, one by one", clients: 1, server: "onnxruntime" },
  { name: `ONNX Runtime, ${clients} clients`, clients, server: "onnxruntime" },
];

/** Seconds of a hostile load, at least: requests have to wait for each other. */
const HOSTILE = 8;
/** Microseconds between two ticks of Linux' clock for processes. */
const TICK = 10_000;

const HEADING = [
  "network",
  "load",
  "requests/s",
  "× one by one",
  "median, ms",
  "p99, ms",
  "CPU, µs: HTTP",
  "others",
  "clients",
];

export const subject = {
  summary: "requests/s and latencies of ductus serve, many clients against one",
  about: `Each request is one picture of 28×28 bytes to /v2/models/digits/infer (binary tensors), over connections that stay
open. Each server is a process of its own, Ductus with --quiet; all clients are in this process. Loads take turns. ONNX Runtime
is onnxruntime-node with one thread a run, behind the same HTTP library, and checks nothing. CPU is processors' time a
request, of the server's thread for HTTP, of its other threads and of all clients (Linux only, and meaningful for many
clients: a hundredth of a second is the finest that is told). --soak sends so many requests more, and shows the memory of
the server meanwhile. --hostile is another question: each of some loads that mean harm goes to a server of its own for some
seconds, and its health is asked for meanwhile; a line says what idle is on this machine, now.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    clients: { value: "N", default: "64", read: number(2, true), about: "at the same time" },
    seconds: OPTIONS.seconds("1"),
    rounds: OPTIONS.rounds("3"),
    soak: { value: "N", default: "0", read: number(0, true), about: "requests more, to see whether memory grows" },
    hostile: { about: "health and memory under hostile loads instead, of the first network" },
  },
  examples: ["--networks cnn-3x3 --clients 128", "--hostile --seconds 15"],

  async measure({ networks, clients, seconds, rounds, soak, hostile }, say) {
    setPlatform(nodePlatform);
    if (hostile) return { attacks: await attacked(networks[0], { clients, seconds: Math.max(seconds, HOSTILE) }, say) };
    const folder = await mkdtemp(join(tmpdir(), "ductus-bench-"));
    const rows = [];
    try {
      for (const network of networks) {
        say(`${network} …`);
        const model = create(network, { seed: 1 });
        model.preprocessing = { ...MNIST_PREPROCESSING };
        const file = join(folder, `${network}.safetensors`);
        await writeFile(file, await encodeModel(model));
        const servers = {
          batched: await start(serveCommand(file, 64)),
          single: await start(serveCommand(file, 1)),
          onnxruntime: await startPeer(model, folder, say),
        };
        const request = requestOf(model);
        const results = loads(clients)
          .filter(({ server }) => servers[server] !== undefined)
          .map((kind) => ({ ...kind, rates: [], latencies: [], costs: [] }));
        const port = ({ server }) => servers[server].port;
        for (const kind of results) await load({ port: port(kind), request, clients: kind.clients, seconds });
        for (let turn = 0; turn < rounds; turn++) {
          for (const kind of results) {
            const before = await processorTime(servers[kind.server].child.pid);
            const found = await load({ port: port(kind), request, clients: kind.clients, seconds });
            const after = await processorTime(servers[kind.server].child.pid);
            kind.rates.push(found.rate);
            kind.latencies.push([0.5, 0.99].map((share) => quantile(found.latencies, share)));
            kind.costs.push(after.map((time, which) => (time - before[which]) / found.latencies.length));
          }
        }
        const memory = await soaked(servers.batched, { request, clients, soak }, say);
        for (const server of Object.values(servers)) {
          if (server === undefined) continue;
          server.child.kill("SIGTERM");
          await once(server.child, "exit");
        }
        rows.push({ network, results, memory });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return { rows };
  },

  format({ rows, attacks }) {
    if (attacks !== undefined) return formatAttacks(attacks);
    const body = rows.flatMap(({ network, results }) =>
      results.map(({ name, rates, latencies, costs }) => {
        const ratio = median(rates.map((rate, turn) => rate / results[0].rates[turn]));
        const [half, most] = [0, 1].map((which) => median(latencies.map((pair) => pair[which])).toFixed(2));
        const [http, others, clients] = [0, 1, 2].map((which) => median(costs.map((cost) => cost[which])).toFixed(0));
        return [network, name, figure(median(rates)), figure(ratio), half, most, http, others, clients];
      }),
    );
    const memory = rows.flatMap(({ network, memory }) => {
      const steps = memory.map(({ requests, mebibytes }) => `${mebibytes.toFixed(0)} after ${figure(requests)}`);
      return steps.length === 0 ? [] : [`${network}: MiB of memory, by requests: ${steps.join(", ")}`];
    });
    return [table([HEADING, ...body], 2), ...memory].join("\n");
  },
};

/** Every hostile load, each on a server of its own. */
async function attacked(network, load, say) {
  const folder = await mkdtemp(join(tmpdir(), "ductus-bench-"));
  try {
    const model = create(network, { seed: 1 });
    model.preprocessing = { ...MNIST_PREPROCESSING };
    const file = join(folder, `${network}.safetensors`);
    await writeFile(file, await encodeModel(model));
    const attacks = [];
    for (const name of LOAD_NAMES) {
      say(`${name} …`);
      const server = await start(serveCommand(file, 64), "ignore");
      attacks.push(await attack(name, server, load));
      server.child.kill("SIGKILL");
    }
    return attacks;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function formatAttacks(attacks) {
  const heading = ["load", "health, ms: median", "p99", "worst", "asked", "peak, MiB", "answers by status"];
  const body = attacks.map(({ name, median, p99, worst, count, peak, statuses }) => {
    const answers = Object.entries(statuses).map(([status, times]) => `${status}: ${times}`);
    return [
      name,
      ...[median, p99, worst].map((ms) => ms.toFixed(1)),
      figure(count),
      peak.toFixed(0),
      answers.join(", "),
    ];
  });
  return table([heading, ...body], 1);
}

/** Microseconds that the processors have given to a server's main thread, to its other threads, and to this process; NaN where /proc is not. */
async function processorTime(pid) {
  const { user, system } = process.cpuUsage();
  const times = { main: 0, others: 0 };
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const [, fields] = (await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")).split(") ");
    const [ticks, more] = fields.split(" ").slice(11, 13).map(Number); // in user mode and in the kernel's
    times[Number(thread) === pid ? "main" : "others"] += (ticks + more) * TICK;
  }
  const { main, others } = times;
  return [...(main > 0 ? [main, others] : [Number.NaN, Number.NaN]), user + system];
}

/** Resident memory of a server after each tenth of many requests. */
async function soaked({ child, port }, { request, clients, soak }, say) {
  const memory = [];
  for (let requests = 0, tenth = 0; requests < soak; ) {
    requests += (await load({ port, request, clients, seconds: 1 })).latencies.length;
    if (requests < (soak * tenth) / 10) continue;
    tenth++;
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    memory.push({ requests, mebibytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024 });
    say(`${figure(requests)} requests: ${memory.at(-1).mebibytes.toFixed(0)} MiB`);
  }
  return memory;
}

function serveCommand(file, maxBatch) {
  const words = [...DUCTUS, "serve", `digits=${file}`, "--port", "0", "--max-batch", maxBatch, "--quiet", "--json"];
  return words.map(String);
}

/** ONNX Runtime with the same network; undefined where it cannot be had, which is said. */
async function startPeer(model, folder, say) {
  try {
    const packages = await packagesOf("onnxruntime-node");
    const { files } = await exportOnnx(model, "peer");
    const file = join(folder, "peer.onnx");
    await writeFile(file, files.get("peer.onnx"));
    const script = fileURLToPath(new URL("../peers/onnx-server.mjs", import.meta.url));
    return await start([process.execPath, script, packages, file, "1"]);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`ONNX Runtime is left out: ${error.message}`);
    return undefined;
  }
}

/** Starts a server and waits for the line that says where it listens. */
async function start([command, ...words], log = "inherit") {
  const child = spawn(command, words, { stdio: ["ignore", "pipe", log] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, port: Number(new URL(JSON.parse(line).url).port) };
}

function requestOf({ inputShape }) {
  const pixels = Uint8Array.from({ length: inputShape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 31) % 256);
  const input = {
    name: "x",
    datatype: "UINT8",
    shape: [1, ...inputShape],
    parameters: { binary_data_size: pixels.length },
  };
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const lines = [
    "POST /v2/models/digits/infer HTTP/1.1",
    "Host: 127.0.0.1",
    `Inference-Header-Content-Length: ${head.length}`,
    `Content-Length: ${head.length + pixels.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), head, pixels]);
}
