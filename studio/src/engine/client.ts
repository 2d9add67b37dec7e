/**
 * The page's way to its workers: each is started when something is first asked of it. One may be thrown away, with what it is
 * doing, and is then started anew.
 */
import { proxy, type Remote, wrap } from "comlink";
import type { Engine, Job, Outcome, TrainingEvent } from "./protocol.ts";

/** An {@link Engine} in a worker: every method answers later. */
export type AsyncEngine = {
  readonly [K in Exclude<keyof Engine, "setup">]: (
    ...words: Parameters<Engine[K]>
  ) => Promise<Awaited<ReturnType<Engine[K]>>>;
};

export interface EngineClient extends AsyncEngine {
  /** Ends the worker at once, whatever it does; the next call starts another. */
  terminate(): void;
}

function engineClient(name: string): EngineClient {
  let worker: Worker | undefined;
  let engine: Remote<Engine> | undefined;
  const remote = (): Remote<Engine> => {
    if (engine !== undefined) return engine;
    worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
    engine = wrap<Engine>(worker);
    // Calls are answered in their order.
    engine.setup(document.baseURI);
    return engine;
  };
  return {
    open: (bytes, file) => remote().open(bytes, file),
    read: (picture) => remote().read(picture),
    readText: (text) => remote().readText(text),
    write: (beginning, writing) => remote().write(beginning, writing),
    explain: (picture) => remote().explain(picture),
    run: (job: Job, onEvent: (event: TrainingEvent) => void, checkpoint?: Uint8Array): Promise<Outcome> =>
      remote().run(job, proxy(onEvent), checkpoint),
    pause: () => remote().pause(),
    stop: () => remote().stop(),
    export: (model, format, file) => remote().export(model, format, file),
    pack: (project) => remote().pack(project),
    unpack: (archive, name) => remote().unpack(archive, name),
    parseSettings: (json) => remote().parseSettings(json),
    measure: (samples) => remote().measure(samples),
    openPages: (model) => remote().openPages(model),
    readPage: (picture, form) => remote().readPage(picture, form),
    parseForm: (json, file) => remote().parseForm(json, file),
    findBoxes: (picture) => remote().findBoxes(picture),
    tablePages: (rows) => remote().tablePages(rows),
    packLines: (lines) => remote().packLines(lines),
    terminate: () => {
      worker?.terminate();
      worker = engine = undefined;
    },
  };
}

/** Answers while somebody draws. */
export const reader: EngineClient = engineClient("reader");

/** Trains, for minutes. */
export const trainer: EngineClient = engineClient("trainer");

/** Reads photographs of pages. */
export const pager: EngineClient = engineClient("pager");
