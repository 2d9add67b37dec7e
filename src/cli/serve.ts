/** `ductus serve`: models behind HTTP. Standard output says where; standard error gets the log, a JSON object a line. */
import { isIP } from "node:net";
import { availableParallelism, hostname } from "node:os";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { DataError, UsageError } from "../engine/errors.ts";
import { readFileChecked } from "../platform/node/atomic.ts";
import { formJson, parseForm } from "../read/form-file.ts";
import { MAX_MEMORY } from "../serve/admission.ts";
import { createApp, LIMITS } from "../serve/app.ts";
import { hostCheck, isLoopback } from "../serve/hosts.ts";
import { jsonLog } from "../serve/log.ts";
import { Metrics } from "../serve/metrics.ts";
import { openModelStore } from "../serve/node/model-store.ts";
import { ReaderPool } from "../serve/node/reader-pool.ts";
import { listen, watch } from "../serve/node/serve.ts";
import { ThreadRunner } from "../serve/node/thread-runner.ts";
import { readOrigins } from "../serve/origins.ts";
import { type GivenForm, usualForm } from "../serve/page-tasks.ts";
import { type Pool, poolOf } from "../serve/reading.ts";
import { QUEUE, Repository } from "../serve/repository.ts";
import { columns } from "../task/text.ts";
import { stopSignal } from "./interrupt.ts";
import { type CommonOptions, integerOption, jsonOption, listOption, numberOption } from "./options.ts";
import { shownJson } from "./shown.ts";
import { openTerminal } from "./terminal.ts";

interface ServeOptions extends CommonOptions {
  readonly host: string;
  readonly port: number;
  readonly apiKeyFile?: string | undefined;
  readonly minProbability?: number | undefined;
  readonly fields?: string | undefined;
  readonly allowedHosts: readonly string[];
  readonly allowOrigin: readonly string[];
  readonly threads: number;
  readonly maxBatch: number;
  readonly maxQueue: number;
  readonly maxBody: number;
  readonly maxPixels: number;
  readonly maxMemory: number;
  readonly timeout: number;
  readonly loadTimeout: number;
  readonly grace: number;
  readonly poll: number;
  readonly quiet?: boolean | undefined;
}

const EXAMPLES = `
MODEL is a model file, a folder with numbered versions (1/, 2/, … the newest is served), the folder of a run, or a folder
of any of these; NAME=MODEL gives it another name. New versions are found while the server runs. "reader" is the reader of
numbers that comes with Ductus.

A key is taken from --api-key-file or the environment variable DUCTUS_API_KEY.

Examples:
  $ ductus serve                              the reader: POST /read takes photographs of pages with numbers
  $ ductus serve runs/mnist-cnn-3x3-1
  $ ductus serve digits=digits.safetensors --port 9000
  $ ductus serve digits.safetensors --host 0.0.0.0 --allowed-hosts digits.example.org
  $ ductus serve reader digits.safetensors --fields form.json
  $ curl --data-binary @seven.png http://127.0.0.1:8501/models/digits/predict
  $ curl --data-binary @page.jpg http://127.0.0.1:8501/read`;

const SECOND = 1000;
const MEBIBYTE = 2 ** 20;
/** Share of the memory that answers may take, beside it, until they are read. */
const UNREAD = 1 / 6;
/** Threads that read large bodies, at most, and as many that read pages. */
const READERS = 4;

export function command(): Command {
  return new Command()
    .description(
      "Serves models over HTTP: pictures and texts, TensorFlow Serving's REST API, the Open Inference Protocol.",
    )
    .argument("[model...]", "model files or folders; default: the reader of numbers that comes with Ductus", ["reader"])
    .option("--host <address>", "address to listen on; 0.0.0.0 is every network", "127.0.0.1")
    .addOption(integerOption("--port <n>", "port; 0 takes any that is free", { min: 0, max: 65_535 }).default(8501))
    .addOption(
      listOption(
        "--allowed-hosts <names...>",
        "names it may be asked under, beside localhost and addresses; * is any",
        (names) => hostCheck(names),
      ),
    )
    .addOption(
      listOption("--allow-origin <origins...>", "pages of these origins may ask it (CORS); * is all", readOrigins),
    )
    .option("--api-key-file <file>", "file with the key that every request must carry")
    .addOption(
      integerOption("--threads <n>", "threads that run each model; 0: the one that answers requests", {
        min: 0,
        max: 256,
      }).default(availableParallelism() - 1, "one less than cores"),
    )
    .addOption(
      numberOption("--min-probability <p>", "mark answers less likely than this as refused; 0 to 1", {
        min: 0,
        max: 1,
      }),
    )
    .option("--fields <form>", "form.json: pages that are sent to /read show this form, and its fields are read")
    .addOption(integerOption("--max-batch <n>", "samples of one run", { min: 1, max: 1024 }).default(QUEUE.maxBatch))
    .addOption(
      integerOption("--max-queue <n>", "samples that may wait for a model", { min: 1 }).default(QUEUE.maxQueue),
    )
    .addOption(integerOption("--max-body <bytes>", "size of a request", { min: 1 }).default(LIMITS.maxBody))
    .addOption(
      integerOption("--max-pixels <n>", "pixels in a request's pictures", { min: 1 }).default(LIMITS.maxPixels),
    )
    .addOption(
      integerOption("--max-memory <MiB>", "what all requests under way may take together", { min: 16 }).default(
        MAX_MEMORY / MEBIBYTE,
      ),
    )
    .addOption(
      integerOption("--timeout <s>", "seconds to receive a request, and to answer it", { min: 1, max: 3600 }).default(
        30,
      ),
    )
    .addOption(
      integerOption("--load-timeout <s>", "seconds until a model must be ready", { min: 1, max: 3600 }).default(60),
    )
    .addOption(
      integerOption("--grace <s>", "seconds to finish requests when stopped", { min: 0, max: 3600 }).default(30),
    )
    .addOption(integerOption("--poll <ms>", "how often to look for new versions", { min: 50 }).default(SECOND))
    .option("--quiet", "log what goes wrong only")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(sources: readonly string[], options: ServeOptions): Promise<void> {
  const terminal = openTerminal(options.json === true);
  const apiKey = await readKey(options.apiKeyFile);
  const writeLine = jsonLog((line) => process.stderr.write(`${shownJson(line)}\n`));
  const log: typeof writeLine = (level, event, fields) => {
    if (options.quiet !== true || level !== "info") writeLine(level, event, fields);
  };
  const allowedHosts = [...ownNames(options.host), ...options.allowedHosts];
  const metrics = new Metrics();
  const { allowOrigin: allowOrigins, minProbability, threads, maxBatch, maxQueue, maxBody, maxPixels } = options;
  const loadTimeout = options.loadTimeout * SECOND;
  const given = options.fields === undefined ? undefined : await readForm(options.fields);
  const store = await openModelStore(sources);
  const repository = new Repository({
    store,
    log,
    openRunner:
      threads === 0
        ? undefined
        : (bytes, file, batch, { signal }) =>
            ThreadRunner.open(bytes, file, batch, { threads, timeout: loadTimeout, signal }),
    maxBatch,
    maxQueue,
    onBatch: (model, size) => metrics.batch(model, size),
  });
  await repository.refresh();
  const { models } = repository;
  if (models.length === 0) {
    const reasons = [...(await store.list()).keys()].flatMap((name) => repository.failures(name));
    await repository.close();
    throw new DataError(
      reasons.length === 1
        ? reasons[0].reason
        : `no model to serve in ${sources.join(", ")}; the log above says what is wrong`,
    );
  }
  let isReady = true;
  const timeout = options.timeout * SECOND;
  const limits = { maxBody, maxPixels, timeout };
  const maxMemory = options.maxMemory * MEBIBYTE;
  const fail = async (error: unknown): Promise<never> => {
    await repository.close();
    throw error;
  };
  const form = given && (await usualForm(given, models, maxPixels).catch(fail));
  const pool = (): ReaderPool => new ReaderPool({ threads: Math.min(availableParallelism(), READERS), timeout });
  const pools: Readonly<Record<Pool, ReaderPool>> = { bodies: pool(), pages: pool() };
  const app = createApp({
    repository,
    log,
    metrics,
    limits,
    apiKey,
    allowedHosts,
    isLocal: isLoopback(options.host),
    allowOrigins,
    minProbability,
    maxMemory,
    form,
    elsewhere: (name, input, patience) => pools[poolOf(name)].run(name, input, patience),
    isReady: () => isReady,
  });
  const { host, port } = options;
  const maxUnread = maxMemory * UNREAD;
  const server = await listen(app.fetch, { host, port, timeout, maxUnread }).catch(fail);
  const unwatch = watch(repository, options.poll);

  const rows = models.map(({ name, version, task }) => [name, version, task.kind, task.names.slice(0, 12).join(" ")]);
  for (const line of columns(["model", "version", "task", "labels"], rows)) terminal.print(line);
  terminal.print(`listening on ${server.url}; Ctrl-C ends it`);
  terminal.emit({ url: server.url, models: models.map(({ name, version }) => ({ name, version })) });

  log("info", "stopping", { signal: await stopSignal() });
  isReady = false;
  unwatch();
  await server.stop(options.grace * SECOND);
  await Promise.all(Object.values(pools).map((each) => each.close()));
  await repository.close();
  log("info", "stopped");
}

/** Names of this machine that nobody else can have: the one that it listens under, and what it calls itself. */
function ownNames(host: string): readonly string[] {
  const own = hostname();
  const names = [host, own, `${own.split(".")[0]}.local`];
  return names.filter((name) => isIP(name) === 0 && /^[\w.-]+$/.test(name));
}

/** A form that a file describes, with the picture of a blank one, which lies beside it. @throws DataError naming what is wrong */
async function readForm(file: string): Promise<GivenForm> {
  const fields = formJson(await readFileChecked(file), file);
  const { picture } = parseForm(fields, file);
  return { picture: await readFileChecked(join(dirname(file), picture)), fields };
}

async function readKey(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return process.env.DUCTUS_API_KEY || undefined;
  const key = new TextDecoder().decode(await readFileChecked(file)).trim();
  if (key === "") throw new UsageError(`${file}: the file with the key is empty`);
  return key;
}
