/**
 * The engine where it runs, in a worker: one model is open at a time, and one job runs at a time. What a method does to data
 * stands in files of its own: training.ts, measuring.ts.
 */
import {
  type AnyModel,
  conformTo,
  DataError,
  Explainer,
  encodeModel,
  evaluate,
  exportModel,
  generate,
  importModel,
  LineReader,
  load,
  Predictor,
  TextReader,
  type TrainedModel,
  tasks,
  UsageError,
} from "ductus";
import { type CountingRecognizer, load as loadRecognizer } from "ductus/runtime";
import { pack, parseSettings, unpack } from "./archives.ts";
import { datasetOf, digits } from "./datasets.ts";
import { cardOf, measuredOf } from "./measuring.ts";
import type { PageDesk } from "./pages.ts";
import type {
  Answer,
  Engine,
  Explanation,
  ExportedFile,
  ExportFormat,
  FormDescription,
  Job,
  LayerActivation,
  LineSample,
  Measured,
  Opened,
  Outcome,
  PageAnswer,
  PageForm,
  PageRows,
  PrintedBoxes,
  ProjectSettings,
  Reading,
  Sample,
  SavedProject,
  TrainingEvent,
  Unpacked,
  Writing,
} from "./protocol.ts";
import { JobRunner } from "./training.ts";

/** What is open: a network for pictures, whose inside is known, one for texts or lines, or a compiled recognizer, which only reads. */
type Open =
  | {
      readonly kind: "network";
      readonly model: TrainedModel;
      explainer: Explainer | undefined;
      readonly predictor: Predictor;
    }
  | { readonly kind: "texts"; readonly model: AnyModel; readonly reader: TextReader<tasks.AnyTask> }
  | { readonly kind: "lines"; readonly model: AnyModel; readonly reader: LineReader<tasks.AnyTask> }
  | { readonly kind: "compiled"; readonly recognizer: CountingRecognizer };

interface OpenedHere extends Opened {
  readonly open: Open;
}

/** What a file is, by how it begins. */
type Kind = "model" | "compiled" | "onnx";

const OPENERS: Readonly<Record<Kind, (bytes: Uint8Array, name: string) => Promise<OpenedHere>>> = {
  model: async (bytes, name) => openNetwork(await load(bytes, { name }), bytes),
  onnx: async (bytes, name) => {
    const model = await importModel(bytes, { name });
    return openNetwork(model, await encodeModel(model));
  },
  compiled: async (bytes) => {
    const recognizer = await loadRecognizer(bytes);
    const { labels, inputShape } = recognizer;
    const card = {
      architecture: "compiled",
      reads: "numbers" as const,
      task: "classify" as const,
      names: labels,
      inputShape,
      parameters: 0,
      size: bytes.length,
      isOpen: false,
    };
    return { open: { kind: "compiled", recognizer }, card, bytes };
  },
};

export class LocalEngine implements Engine {
  #open: Open | undefined;
  #runner: JobRunner | undefined;
  #desk: PageDesk | undefined;
  #site = "";

  setup(site: string): void {
    this.#site = site;
  }

  async open(bytes: Uint8Array, name: string): Promise<Opened> {
    const opened = await OPENERS[kindOf(bytes)](bytes, name);
    await this.#close();
    this.#open = opened.open;
    return { card: opened.card, bytes: opened.bytes };
  }

  async read(picture: ImageData): Promise<Answer | undefined> {
    const open = this.#required();
    const start = performance.now();
    if (open.kind === "texts") throw new Error("this model reads texts, no pictures");
    return unlessBlank(async () => {
      if (open.kind === "compiled") {
        const seen = open.recognizer.see(picture);
        const readings = open.recognizer.read(seen);
        const characters = open.recognizer.characters(picture);
        const isNone = open.recognizer.noneOfThese(seen) !== undefined;
        return { readings, seen, characters, isNone, ms: performance.now() - start };
      }
      if (open.kind === "lines") {
        const readings = await readingsOf(open.model, await open.reader.read(pictureOf(picture)));
        return { readings, characters: 1, ms: performance.now() - start };
      }
      const answer = open.predictor.predict(pictureOf(picture));
      const { seen } = answer;
      const characters = ONE_CHARACTER[open.model.task.kind] ? (answer.characters ?? 1) : 1;
      const readings = await readingsOf(open.model, answer);
      return { readings, seen, characters, isNone: answer.noClass !== undefined, ms: performance.now() - start };
    });
  }

  async readText(text: string): Promise<Answer | undefined> {
    const open = this.#required();
    if (open.kind !== "texts") throw new Error("this model reads pictures, no texts");
    const start = performance.now();
    return unlessBlank(async () => {
      const readings = await readingsOf(open.model, await open.reader.read(text));
      return { readings, characters: 1, ms: performance.now() - start };
    });
  }

  async write(beginning: string, writing: Writing): Promise<string> {
    const open = this.#required();
    if (open.kind === "compiled") throw new Error("a compiled recognizer writes no texts");
    return generate(open.model, beginning, writing);
  }

  async explain(picture: ImageData): Promise<Explanation | undefined> {
    const open = this.#required();
    if (open.kind === "compiled")
      throw new Error("a compiled recognizer does not show its inside; open its model file");
    // What a network looks at is worked out for the likeliest class.
    if (open.kind !== "network" || !(open.model.task instanceof tasks.Classify)) return undefined;
    open.explainer ??= await Explainer.open(open.model);
    const { explainer } = open;
    const start = performance.now();
    return unlessBlank(async () => {
      const { ranking, seen, characters = 1, layers, attention } = explainer.explain(pictureOf(picture));
      const ms = performance.now() - start;
      const readings = ranking.map(readingOf);
      return { readings, seen, characters, layers: layers.map(inThreeAxes), attention, ms };
    });
  }

  async run(job: Job, onEvent: (event: TrainingEvent) => void, checkpoint?: Uint8Array): Promise<Outcome> {
    if (this.#runner !== undefined) throw new Error("a training is running already; stop it first");
    this.#runner = new JobRunner(job, this.#site, onEvent);
    try {
      return await this.#runner.run(checkpoint);
    } finally {
      this.#runner = undefined;
    }
  }

  pause(): void {
    this.#runner?.end("paused");
  }

  stop(): void {
    this.#runner?.end("stopped");
  }

  async export(model: Uint8Array, format: ExportFormat, name: string): Promise<readonly ExportedFile[]> {
    if (format === "model") return [{ name: `${name}.safetensors`, bytes: model }];
    const { files } = await exportModel(await load(model), format, { name });
    return [...files].map(([file, content]) => ({
      name: file,
      bytes: typeof content === "string" ? new TextEncoder().encode(content) : content,
    }));
  }

  async measure(samples: readonly Sample[] | "digits"): Promise<Measured> {
    const open = this.#required();
    if (open.kind === "compiled") throw new Error("a compiled recognizer is not measured here; open its model file");
    if (open.kind !== "network" || !(open.model.task instanceof tasks.Classify)) {
      throw new Error("samples here are of classes, which this model does not put pictures into; use ductus evaluate");
    }
    const { model } = open;
    const dataset =
      samples === "digits"
        ? (await digits(this.#site)).test
        : await datasetOf(samples, model.classes, model.preprocessing);
    const ready = conformTo(model, dataset);
    return measuredOf(await evaluate(model, ready), ready);
  }

  pack(project: SavedProject): Promise<Blob> {
    return pack(project);
  }

  unpack(archive: Blob, name: string): Promise<Unpacked> {
    return unpack(archive, name);
  }

  parseSettings(json: string): Promise<ProjectSettings | undefined> {
    return parseSettings(json);
  }

  async openPages(model?: Uint8Array): Promise<readonly string[]> {
    const { PageDesk } = await pageTools();
    this.#desk ??= new PageDesk();
    return this.#desk.open(model);
  }

  async readPage(picture: Blob, form?: PageForm): Promise<PageAnswer> {
    if (this.#desk === undefined) throw new Error("no reader of pages is open");
    return this.#desk.read(picture, form);
  }

  async parseForm(json: Blob, name: string): Promise<FormDescription> {
    return (await pageTools()).parseForm(json, name);
  }

  async findBoxes(picture: Blob): Promise<PrintedBoxes> {
    return (await pageTools()).findBoxes(picture);
  }

  async tablePages(rows: readonly PageRows[]): Promise<string> {
    return (await pageTools()).tablePages(rows);
  }

  async packLines(lines: readonly LineSample[]): Promise<Blob> {
    return (await pageTools()).packLines(lines);
  }

  #required(): Open {
    if (this.#open === undefined) throw new Error("no model is open");
    return this.#open;
  }

  async #close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open?.kind === "texts" || open?.kind === "lines") await open.reader.close();
    if (open?.kind !== "network") return;
    await open.predictor.close();
    await open.explainer?.close();
  }
}

/** What is for pages alone: fetched when one is read. */
const pageTools = (): Promise<typeof import("./pages.ts")> => import("./pages.ts");

/** A module, or the page around one; an ONNX file is a protocol buffer, whose first field is its version. */
function kindOf(bytes: Uint8Array): Kind {
  const starts = (...wanted: readonly number[]): boolean => wanted.every((byte, i) => bytes[i] === byte);
  if (starts(0x00, 0x61, 0x73, 0x6d) || /^\s*<!doctype html/i.test(String.fromCharCode(...bytes.subarray(0, 64)))) {
    return "compiled";
  }
  return starts(0x08) && bytes[1] < 0x20 && bytes[8] !== 0x7b ? "onnx" : "model";
}

const READERS: Readonly<Record<tasks.InputKind, (model: TrainedModel) => Promise<Open>>> = {
  numbers: async (model) => ({ kind: "network", model, predictor: await Predictor.open(model), explainer: undefined }),
  sequence: () => {
    throw new UsageError("the studio shows no models of sequences of numbers; read them with ductus predict, or serve");
  },
  text: async (model) => ({ kind: "texts", model, reader: await TextReader.open<tasks.AnyTask>(model) }),
  line: async (model) => ({ kind: "lines", model, reader: await LineReader.open<tasks.AnyTask>(model) }),
};

async function openNetwork(model: TrainedModel, bytes: Uint8Array): Promise<OpenedHere> {
  const open = await READERS[model.task.input.kind](model);
  return { open, card: cardOf(model, bytes.length), bytes };
}

/** Whether an answer is about one character, so that more of them in a picture make it meaningless. */
const ONE_CHARACTER: Readonly<Record<tasks.TaskKind, boolean>> = { classify: true, transcribe: false, generate: false };

/** Readings that the page shows at most. */
const MOST_READINGS = 1000;

/** An answer of any task, likeliest first. */
async function readingsOf({ task }: AnyModel, answer: unknown): Promise<readonly Reading[]> {
  const { ranking } = await tasks.VIEWS[task.kind]();
  return ranking(answer).slice(0, MOST_READINGS).map(readingOf);
}

const pictureOf = ({ width, height, data }: ImageData) => ({ width, height, channels: 4, data }) as const;

const readingOf = ({ name, probability }: { readonly name: string; readonly probability: number }): Reading => ({
  label: name,
  probability,
});

/** Features are channels of one pixel. */
function inThreeAxes({ name, kind, shape, values }: LayerOf<Explainer>): LayerActivation {
  const [height, width, channels] = shape.length === 3 ? shape : [1, 1, values.length];
  return { name, kind, shape: [height, width, channels], values };
}

type LayerOf<E extends { explain(...words: never[]): { readonly layers: readonly unknown[] } }> = ReturnType<
  E["explain"]
>["layers"][number];

/** A blank picture, or an empty text, has no answer, and is no error while somebody draws. */
async function unlessBlank<T>(answer: () => Promise<T>): Promise<T | undefined> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}
