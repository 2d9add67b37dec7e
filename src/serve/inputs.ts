/**
 * What depends on the kind of a model's input: how samples stand in JSON, what a file is, how samples come into the shape in
 * which they run. The table of kinds; each has a file of its own.
 */
import type { Arrays, Sizes } from "../data/port.ts";
import type { TypedArray } from "../engine/dtype.ts";
import type { InputCodec, InputKind } from "../task/input.ts";
import type { AnyTask } from "../task/task.ts";
import type { Group, Samples } from "./batch.ts";
import type { ReadPicture } from "./decode-picture.ts";
import type { Intake } from "./intake.ts";
import { lines } from "./lines.ts";
import { numbers } from "./numbers.ts";
import { sequences } from "./sequences.ts";
import { texts } from "./texts.ts";

/** A file of a picture in the place of a sample's numbers. */
export interface PictureSample {
  readonly index: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Samples as JSON has them, read on any thread. */
export interface Given {
  readonly count: number;
  /** Of models that read numbers: those of all samples. */
  readonly numbers?: TypedArray | undefined;
  /** Samples that are files of pictures, still to be read. */
  readonly pictures: readonly PictureSample[];
  /** Of models that read sequences: each. */
  readonly sequences?: readonly TypedArray[] | undefined;
  /** Of models that read texts: each as it is, or its tokens. */
  readonly texts?: readonly (string | Int32Array)[] | undefined;
}

/** A file as a sample. */
export interface ReadFile {
  readonly samples: Samples;
  /** How many characters it shows, where it is a picture. */
  readonly characters?: number | undefined;
}

/** What is at hand where samples are put together. */
export interface Intaking {
  readonly intake: Intake;
  readonly input: InputCodec;
  /** Reads a picture of this request. */
  readonly readPicture: (bytes: Uint8Array<ArrayBuffer>) => Promise<ReadPicture>;
}

export interface InputView {
  /** What a body may be, for messages and descriptions. */
  readonly takes: string;
  /** Media types of bodies that are one sample. */
  readonly mediaTypes: readonly string[];
  /** Whether a body of which nothing is known is JSON. */
  readonly isJson: (body: Uint8Array) => boolean;
  /** The name of a sample in JSON, as the routes of Ductus' own have it. */
  readonly field: string;
  readonly describe: (task: AnyTask) => Pick<Intake, "ports" | "ranges" | "preprocessing" | "maxLength">;
  /** Samples in JSON. @throws RequestError 400 that says what was expected, 413 for too many samples */
  readonly rows: (intake: Intake, rows: readonly unknown[]) => Given;
  /** A body or file that is one sample. @throws RequestError, or DataError for what is wrong with it */
  readonly file: (intaking: Intaking, bytes: Uint8Array<ArrayBuffer>) => Promise<ReadFile>;
  /** Puts samples from JSON together. @throws RequestError */
  readonly gather: (intaking: Intaking, given: Given) => Promise<readonly Group[]>;
  /** Arrays by port, some of which may be missing, in the shape in which they run. @throws RequestError 400 */
  readonly complete: (intake: Intake, given: { count: number; sizes: Sizes; arrays: Arrays }) => Samples;
}

export const INPUT_VIEWS: Readonly<Record<InputKind, InputView>> = {
  numbers,
  sequence: sequences,
  text: texts,
  line: lines,
};

/** What reading samples for a model takes. */
export function intakeOf(name: string, task: AnyTask, maxCount: number): Intake {
  const { kind } = task.input;
  return { name, kind, names: task.names, maxCount, ...INPUT_VIEWS[kind].describe(task) };
}
