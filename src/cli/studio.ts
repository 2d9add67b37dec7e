/**
 * `ductus studio`: the web page to draw, train and make recognizers in, served to this machine's browser, with the runs of a
 * folder beside it. The page itself is built from studio/ and stands in dist/studio; its engine runs in the browser.
 */
import { spawn } from "node:child_process";
import { lstat, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { DuctusError } from "../engine/errors.ts";
import { readFileChecked } from "../platform/node/atomic.ts";
import { pathKind } from "../platform/node/files.ts";
import { fileResponse, readSite } from "../platform/node/static-site.ts";
import { hostCheck, isLoopback } from "../serve/hosts.ts";
import { listen } from "../serve/node/serve.ts";
import { answerTo } from "../serve/request-error.ts";
import { runFiles } from "../train/run-folder.ts";
import { stopSignal } from "./interrupt.ts";
import { type CommonOptions, integerOption, jsonOption } from "./options.ts";
import { listSavedRuns, type SavedRun } from "./saved-runs.ts";
import { openTerminal } from "./terminal.ts";

interface StudioOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly runs: string;
  readonly open: boolean;
}

const EXAMPLES = `
The page works without a network, trains in the browser, and keeps what you make there. It can be put on any web server, too:
its files are in dist/studio of this package.

Examples:
  $ ductus studio
  $ ductus studio --runs experiments/
  $ ductus studio --port 8000 --no-open`;

const SITE = fileURLToPath(new URL("../studio/", import.meta.url));
/** Stands in the page for what tells it where the runs are. */
const PLACE = "<!--runs-->";
const RUNS = "api/runs";
/** Milliseconds: for a request to arrive, and for what was accepted to end. */
const TIMEOUT = 30_000;
const GRACE = 1000;

export function command(): Command {
  return new Command()
    .description("Opens a web page to draw, train and make recognizers in.")
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--host <address>", "address to listen on; 0.0.0.0 is every network", "127.0.0.1")
    .addOption(integerOption("--port <n>", "port; 0 takes any that is free", { min: 0, max: 65_535 }).default(8610))
    .option("--no-open", "open no browser")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run({ host, port, runs, open, json }: StudioOptions): Promise<void> {
  const terminal = openTerminal(json === true);
  if ((await pathKind(join(SITE, "index.html"))) !== "file") {
    throw new DuctusError(`the studio is not built: ${SITE} has no index.html; run: npm run build`);
  }
  const answer = studioApp(await readSite(SITE), runs, hostCheck(isLoopback(host) ? [] : ["*"], true));
  const server = await listen(answer, { host, port, timeout: TIMEOUT });
  const url = `${server.url}/`;
  terminal.print(`the studio is at ${terminal.style.bold(url)}; Ctrl-C ends it`);
  terminal.emit({ url, runs });
  if (open && json !== true) openBrowser(url);
  await stopSignal();
  await server.stop(GRACE);
}

/** Requests to answers. @param checkHost throws for names that are not this machine's */
function studioApp(
  site: ReadonlyMap<string, Uint8Array>,
  runs: string,
  checkHost: (request: Request) => void,
): (request: Request) => Promise<Response> {
  const files = new Map(site);
  const page = new TextDecoder().decode(files.get("index.html"));
  files.set("index.html", new TextEncoder().encode(page.replace(PLACE, `<meta name="ductus-runs" content="${RUNS}">`)));
  return async (request) => {
    const { pathname } = new URL(request.url);
    try {
      checkHost(request);
    } catch (error) {
      const { status } = answerTo(error);
      return plain(status, "the studio is for this machine, under its own names");
    }
    if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "only GET is answered");
    const path = decoded(pathname);
    if (path === undefined) return plain(400, "the address cannot be read");
    if (path === RUNS) return json(await listRuns(runs));
    if (path.startsWith(`${RUNS}/`)) return runFile(runs, path.slice(RUNS.length + 1), request);
    const name = path === "" ? "index.html" : path;
    const bytes = files.get(name);
    return bytes === undefined ? plain(404, "there is no such file") : fileResponse(name, bytes, request);
  };
}

/** Without the first slash; undefined for what is no UTF-8. */
function decoded(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname.slice(1));
  } catch {
    return undefined;
  }
}

const plain = (status: number, text: string): Response => new Response(`${text}\n`, { status });
const json = (value: unknown): Response => Response.json(value, { headers: { "cache-control": "no-store" } });

/** What the page shows of a run. */
async function listRuns(folder: string): Promise<object[]> {
  return Promise.all((await listOwnRuns(folder)).map((run) => describeRun(folder, run)));
}

async function describeRun(
  folder: string,
  { path, status, reason, data, model, primary, test, history, seconds, ended }: SavedRun,
): Promise<object> {
  const names = (await readdir(path)).filter((name) => SERVED.includes(name));
  const files = await filterOwn(folder, path, names);
  return {
    name: basename(path),
    status,
    reason,
    data,
    model,
    measure: primary.name,
    value: test?.measures[primary.name],
    interval: test?.interval,
    epochs: history.length,
    seconds,
    ended,
    hasReport: files.includes(basename(runFiles(path).report)),
    files,
  };
}

/** Files of a run folder that the page may have, by name. */
const SERVED: readonly string[] = Object.values(runFiles("")).map((path) => basename(path));
/** Files that say what a run is. */
const DESCRIBING: readonly string[] = (({ args, metrics, results, status }) =>
  [args, metrics, results, status].map((path) => basename(path)))(runFiles(""));

/** Runs whose description is their own, and no link to files elsewhere. */
async function listOwnRuns(folder: string): Promise<SavedRun[]> {
  const runs = await listSavedRuns(folder);
  const isOwn = await Promise.all(
    runs.map(async ({ path }) => {
      const names = (await readdir(path)).filter((name) => DESCRIBING.includes(name));
      return (await filterOwn(folder, path, names)).length === names.length;
    }),
  );
  return runs.filter((_, i) => isOwn[i]);
}

async function filterOwn(folder: string, run: string, names: readonly string[]): Promise<string[]> {
  const paths = await Promise.all(names.map((name) => ownFile(folder, run, name)));
  return names.filter((_, i) => paths[i] !== undefined);
}

/**
 * The real path of a file in a run folder. A folder of runs may come from somebody else: what is reached by a link that leads
 * out of the run, or out of the folder of runs, is not there, and neither is what is no plain file.
 */
async function ownFile(folder: string, run: string, name: string): Promise<string | undefined> {
  try {
    const [root, home, path] = await Promise.all([realpath(folder), realpath(run), realpath(join(run, name))]);
    const isInside = home.startsWith(root.endsWith(sep) ? root : root + sep) && dirname(path) === home;
    return isInside && (await lstat(path)).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A run's files are a stranger's, too: a report gets no script, no network, no forms, and an origin of its own, so that it
 * reads nothing that this site keeps. Browsers refuse a sandbox together with the headers that isolate the page.
 */
const CONFINED = {
  "content-security-policy":
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "unsafe-none",
  "referrer-policy": "no-referrer",
} as const;

/** A file of a run, both by name: `NAME/FILE`. What is not listed is not there. */
async function runFile(folder: string, path: string, request: Request): Promise<Response> {
  const [name, file, ...more] = path.split("/");
  const known = (await listOwnRuns(folder)).find((run) => basename(run.path) === name);
  if (known === undefined || more.length > 0 || !SERVED.includes(file)) return plain(404, "there is no such file");
  const at = await ownFile(folder, known.path, file);
  if (at === undefined) return plain(404, "there is no such file");
  const response = fileResponse(file, await readFileChecked(at), request);
  for (const [header, value] of Object.entries(CONFINED)) response.headers.set(header, value);
  return response;
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [command: string, ...words: string[]]>>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Where there is no browser, the printed address is enough. */
function openBrowser(url: string): void {
  const [program, ...words] = OPENERS[process.platform] ?? ["xdg-open"];
  const child = spawn(program, [...words, url], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}
