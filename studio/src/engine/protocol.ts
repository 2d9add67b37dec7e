/**
 * What the page asks of its workers. One script runs in three of them: the *reader* answers while somebody draws, the
 * *trainer* is busy for minutes, the *pager* reads photographs of pages. All offer this interface through Comlink; callbacks are
 * proxies. Everything that crosses is plain data; bytes of models are model files (`encodeModel`).
 */
import type { pages } from "ductus";

/** Pictures of one size, as numbers, texts, or lines of writing of any width. */
export type Reads = "numbers" | "text" | "line";

/** What a model is for. */
export type TaskKind = "classify" | "transcribe" | "generate";

/** What the page shows of an open model. */
export interface ModelCard {
  /** Named network, or "custom". */
  readonly architecture: string;
  /** What it reads; undefined in what was kept by versions that knew pictures alone. */
  readonly reads?: Reads | undefined;
  /** What it is for; undefined in what was kept by versions that knew classifiers alone. */
  readonly task?: TaskKind | undefined;
  /** What its outputs tell apart: classes, symbols, tokens. */
  readonly names: readonly string[];
  /** Of pictures; of lines the height alone says something. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly parameters: number;
  /** Bytes of the model file. */
  readonly size: number;
  /** Whether the network's inside can be shown and trained on: false for compiled recognizers (.wasm, .html). */
  readonly isOpen: boolean;
}

export interface Opened {
  readonly card: ModelCard;
  /** The model as a model file; of a compiled recognizer, which is none, its module. */
  readonly bytes: Uint8Array;
}

export interface Reading {
  readonly label: string;
  readonly probability: number;
}

/** How a text is gone on with. */
export interface Writing {
  /** Tokens at most. */
  readonly length: number;
  /** Above 1 bolder, below 1 safer; 0 always takes the likeliest. */
  readonly temperature: number;
  readonly seed: number;
}

/** What a model makes of a picture. */
export interface Answer {
  /** Likeliest first. */
  readonly readings: readonly Reading[];
  /** What the network sees of a picture: bytes [height, width, channels]. */
  readonly seen?: Uint8Array | undefined;
  /** How many characters a picture shows for a model that reads one; 1 for others. */
  readonly characters: number;
  /** Whether it shows none of the classes, as the model says; models without a novelty score never do. */
  readonly isNone?: boolean | undefined;
  readonly ms: number;
}

/** What a layer gave for one picture: numbers [height, width, channels], or [features] with height = width = 1. */
export interface LayerActivation {
  /** Name of the module, PyTorch's: "features.0". */
  readonly name: string;
  readonly kind: string;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly values: Float32Array;
}

export interface Explanation extends Answer {
  readonly layers: readonly LayerActivation[];
  /** How much each pixel of what is seen speaks for the likeliest class: [height, width], 0 … 1. */
  readonly attention: Float32Array;
}

/** One picture of a user's own, drawn, dropped or photographed, as a PNG; and its class by name. */
export interface Sample {
  readonly label: string;
  readonly png: Blob;
}

/** What to train on, by name: the digits that come with the page. */
export interface TrainJob {
  readonly kind: "train";
  readonly architecture: string;
  readonly epochs: number;
  readonly seed: number;
  readonly augment: "none" | "digits" | "letters";
  /** Where it is not to learn by the network's recipe. */
  readonly settings?: TrainSettings | undefined;
}

export interface TrainSettings {
  readonly optimizer: string;
  readonly lr: number;
  readonly batchSize: number;
  readonly weightDecay: number;
  /** Of sgd. */
  readonly momentum?: number | undefined;
  /** Of networks that drop anything. */
  readonly dropout?: number | undefined;
}

/** A recognizer of one's own, from a base model. */
export interface FinetuneJob {
  readonly kind: "finetune";
  readonly base: Uint8Array;
  readonly classes: readonly string[];
  readonly samples: readonly Sample[];
  readonly epochs?: number | undefined;
  readonly seed: number;
}

export type Job = TrainJob | FinetuneJob;

/** A picture that was read wrongly, or is the nearest to it. */
export interface Mistake {
  /** Bytes [height, width, channels]. */
  readonly pixels: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly label: string;
  readonly predicted: string;
  /** Probability of `predicted`. */
  readonly probability: number;
}

export interface Matrix {
  readonly classes: readonly string[];
  /** Samples by true class, then by answer. */
  readonly counts: readonly (readonly number[])[];
}

export interface Measured {
  /** Mean over the samples; undefined in what was kept by versions that did not say it. */
  readonly loss?: number | undefined;
  readonly accuracy: number;
  /** Bounds of the 95 % confidence interval of the accuracy. */
  readonly interval: readonly [low: number, high: number];
  readonly samples: number;
  /** Undefined where there are too many classes for one. */
  readonly matrix: Matrix | undefined;
  /** What is most often mixed up; undefined where nothing was. */
  readonly confused: { readonly actual: string; readonly predicted: string } | undefined;
  /** The worst first, at most 24. */
  readonly mistakes: readonly Mistake[];
}

export type TrainingEvent =
  | {
      readonly kind: "start";
      readonly epochs: number;
      readonly totalSteps: number;
      readonly doneSteps: number;
      readonly trainSamples: number;
      readonly validationSamples: number;
      readonly backend: string;
    }
  /** Several times a second. */
  | {
      readonly kind: "step";
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly lr: number;
      readonly imagesPerSecond: number;
    }
  | {
      readonly kind: "epoch";
      readonly epoch: number;
      /** On the samples trained on, while the weights were changing. */
      readonly trainingLoss: number;
      readonly trainingAccuracy?: number | undefined;
      readonly validationLoss?: number | undefined;
      readonly validation?: Measured | undefined;
    }
  /** Training is over; how good the model is, is being found out. `part` of that is done, 0 … 1. */
  | { readonly kind: "measuring"; readonly part: number }
  /** All it takes to go on after a pause, a reload or a crash: keep the newest. */
  | { readonly kind: "checkpoint"; readonly step: number; readonly bytes: Uint8Array };

/** How a job ended. `paused`: it goes on with the last checkpoint. */
export interface Outcome {
  readonly kind: "finished" | "stopped" | "paused";
  readonly model: Uint8Array;
  readonly card: ModelCard;
  /** On the test digits, or by cross-validation over all samples; undefined where the measuring was stopped. */
  readonly measured?: Measured | undefined;
  readonly isCrossValidated?: boolean | undefined;
  readonly seconds: number;
}

export const EXPORT_FORMATS = ["model", "wasm", "html", "onnx"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A file of an archive. */
export interface PackedFile {
  /** With slashes. */
  readonly path: string;
  readonly content: Blob;
}

/** A recognizer's name, classes and samples. */
export interface SavedProject {
  readonly name: string;
  readonly classes: readonly string[];
  readonly samples: readonly Sample[];
}

/** What the project.json of a saved project says. */
export interface ProjectSettings {
  readonly name?: string | undefined;
  readonly classes: readonly { readonly name: string; readonly folder: string }[];
}

export interface Unpacked {
  readonly files: readonly PackedFile[];
  /** A line for each file that could not be unpacked. */
  readonly refused: readonly string[];
}

/** What was read on a page: places in pixels of its picture, with the crop that each was read from. */
export type PageAnswer = pages.PageAnswer;
export type PageNumber = pages.NumberAnswer;
export type FormDescription = pages.FormDescription;
/** A page for a table, and what a person said of it. */
export type PageRows = pages.PageRows;
/** A gray picture: dark ink on paper that is 255. */
export type Crop = NonNullable<PageNumber["crop"]>;

/** A form that pages show. */
export interface PageForm {
  /** Another one for every form, so that it is prepared once. */
  readonly id: string;
  /** Of a blank one. */
  readonly picture: Blob;
  readonly fields: FormDescription["fields"];
}

/** Boxes that are printed on a picture: left, top, width and height in its pixels. */
export interface PrintedBoxes {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly (readonly [left: number, top: number, width: number, height: number])[];
}

/** The picture of a line, and what stands in it. */
export interface LineSample {
  readonly crop: Crop;
  readonly text: string;
}

export interface Engine {
  /** @param site address that the site's files are relative to; said once, before all else */
  setup(site: string): void;
  /**
   * Makes a file the model of this worker: a model file, ONNX, an exported .wasm or .html.
   * @throws Error of one line that says what is wrong and what to do
   */
  open(bytes: Uint8Array, name: string): Promise<Opened>;
  /** @returns undefined for a blank picture */
  read(picture: ImageData): Promise<Answer | undefined>;
  /** @returns undefined for a text in which there is nothing to read */
  readText(text: string): Promise<Answer | undefined>;
  /** What the open model writes behind a beginning. @throws Error of one line for what it cannot read, or a model for something else */
  write(beginning: string, writing: Writing): Promise<string>;
  /** @returns undefined for a blank picture, and for models that do no classifying. @throws Error for a compiled recognizer */
  explain(picture: ImageData): Promise<Explanation | undefined>;
  /** @param checkpoint of the same job, to go on from it */
  run(job: Job, onEvent: (event: TrainingEvent) => void, checkpoint?: Uint8Array): Promise<Outcome>;
  /** Ends the running job after its step; `run` then resolves with "paused", or "stopped". */
  pause(): void;
  stop(): void;
  /** @param model a model file. @param name of the files, without suffix */
  export(model: Uint8Array, format: ExportFormat, name: string): Promise<readonly ExportedFile[]>;
  /** Measures the open model on samples of one's own, or on the test digits of the page. */
  measure(samples: readonly Sample[] | "digits"): Promise<Measured>;
  /** @returns a ZIP of folders by class */
  pack(project: SavedProject): Promise<Blob>;
  /** @throws Error of one line for what is no archive, or would unpack to more than any project has */
  unpack(archive: Blob, name: string): Promise<Unpacked>;
  /** @param json content of a project.json. @returns undefined where it is another's */
  parseSettings(json: string): Promise<ProjectSettings | undefined>;
  /**
   * Makes a model the reader of pages.
   * @param model a model file; default: the reader of numbers that comes with Ductus
   * @returns the characters that it knows
   * @throws Error of one line for a model that reads no lines
   */
  openPages(model?: Uint8Array): Promise<readonly string[]>;
  /** @param form that the picture shows; default: none is known. @throws Error of one line, also where the form is not to be found */
  readPage(picture: Blob, form?: PageForm): Promise<PageAnswer>;
  /** @throws Error of one line for what describes no form */
  parseForm(json: Blob, name: string): Promise<FormDescription>;
  /** Where something may be filled in on a blank form. @throws Error of one line where it is no picture */
  findBoxes(picture: Blob): Promise<PrintedBoxes>;
  /** The CSV file of what was read. */
  tablePages(rows: readonly PageRows[]): Promise<string>;
  /** @returns a ZIP of pictures and a table of their texts, to train a reader of lines with */
  packLines(lines: readonly LineSample[]): Promise<Blob>;
}
