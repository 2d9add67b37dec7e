/** `ductus serve` under load: many clients at once against one after the other, with and without batching. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { MNIST_PREPROCESSING } from "../../dist/data/preprocess.js";
import { create } from "../../dist/models/registry.js";
import { nodePlatform } from "../../dist/platform/node/platform.js";
import { setPlatform } from "../../dist/platform/platform.js";
import { encodeModel } from "../../dist/train/trained-model.js";
import { load, quantile } from "../lib/clients.mjs";
import { DUCTUS } from "../lib/processes.mjs";
import { figure, table } from "../lib/table.mjs";
import { TUTORIAL_NETWORKS } from "../lib/tasks.mjs";
import { median } from "../lib/timing.mjs";
import { number, OPTIONS } from "../lib/usage.mjs";

/** Kinds of load: clients at a time, and samples that may run together. */
const loads = (clients) => [
  { name: "one by one", clients: 1, batched: true },
  { name: `${clients} clients`, clients, batched: true },
  { name: `${clients} clients, no batches`, clients, batched: false },
];

export const subject = {
  summary: "requests/s and latencies of ductus serve, many clients against one",
  about: `Each request is one picture of 28×28 bytes to /v2/models/digits/infer (binary tensors), over connections that stay
open. The server is a process of its own, with --quiet; all clients are in this process. Loads take turns.`,
  options: {
    networks: OPTIONS.networks(TUTORIAL_NETWORKS.join(",")),
    clients: { value: "N", default: "64", read: number(2, true), about: "at the same time" },
    seconds: OPTIONS.seconds("1"),
    rounds: OPTIONS.rounds("3"),
  },
  examples: ["--networks cnn-3x3 --clients 128"],

  async measure({ networks, clients, seconds, rounds }, say) {
    setPlatform(nodePlatform);
    const folder = await mkdtemp(join(tmpdir(), "ductus-bench-"));
    const rows = [];
    try {
      for (const network of networks) {
        say(`${network} …`);
        const model = create(network, { seed: 1 });
        model.preprocessing = { ...MNIST_PREPROCESSING };
        const file = join(folder, `${network}.safetensors`);
        await writeFile(file, await encodeModel(model));
        const servers = { batched: await start(file, 64), single: await start(file, 1) };
        const request = requestOf(model);
        const results = loads(clients).map((kind) => ({ ...kind, rates: [], latencies: [] }));
        const port = ({ batched }) => (batched ? servers.batched : servers.single).port;
        for (const kind of results) await load({ port: port(kind), request, clients: kind.clients, seconds });
        for (let turn = 0; turn < rounds; turn++) {
          for (const kind of results) {
            const found = await load({ port: port(kind), request, clients: kind.clients, seconds });
            kind.rates.push(found.rate);
            kind.latencies.push([0.5, 0.99].map((share) => quantile(found.latencies, share)));
          }
        }
        for (const { child } of Object.values(servers)) {
          child.kill("SIGTERM");
          await once(child, "exit");
        }
        rows.push({ network, results });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return { rows };
  },

  format({ rows }) {
    const body = rows.flatMap(({ network, results }) =>
      results.map(({ name, rates, latencies }) => {
        const ratio = median(rates.map((rate, turn) => rate / results[0].rates[turn]));
        const [half, most] = [0, 1].map((which) => median(latencies.map((pair) => pair[which])));
        return [network, name, figure(median(rates)), figure(ratio), half.toFixed(2), most.toFixed(2)];
      }),
    );
    return table([["network", "load", "requests/s", "× one by one", "median, ms", "p99, ms"], ...body], 2);
  },
};

async function start(file, maxBatch) {
  const [command, ...words] = [...DUCTUS, "serve", `digits=${file}`, "--port", "0", "--max-batch", maxBatch];
  const child = spawn(command, [...words.map(String), "--quiet", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
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
