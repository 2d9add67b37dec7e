/**
 * Samples of models that read sequences of numbers: lists in JSON. Each is filled up with zeros to the length of a bucket
 * (engine/programs.ts), so that few programs are compiled and sequences of about one length run together.
 */
import { openAxes } from "../data/port.ts";
import { sampleOf } from "../data/sample-numbers.ts";
import { DataError } from "../engine/errors.ts";
import { sizeOf } from "../engine/shape.ts";
import type { SequenceInput } from "../task/sequence-input.ts";
import { completed, grouped } from "./batch.ts";
import type { InputView } from "./inputs.ts";
import { checkCount, type Intake, rangeOf } from "./intake.ts";
import { RequestError } from "./request-error.ts";
import { unwrapped } from "./samples.ts";

/** Most steps of a sequence: a network's work may grow with the square of them. */
const MAX_LENGTH = 4096;

/** The shape of one step of a model's samples. */
const stepOf = ({ ports }: Intake): number[] => ports.x.shape.slice(1) as number[];

/** What `x` has of what. */
const WORDS = ["steps", "sequence"] as const;

export const sequences: InputView = {
  takes: 'JSON, { "x": [step, step, …] }',
  mediaTypes: [],
  isJson: () => true,
  field: "x",
  describe: ({ input }) => {
    const { ports } = input as SequenceInput;
    const length = { least: 1, most: MAX_LENGTH, isWhole: true };
    return { ports, ranges: { x: rangeOf(ports.x), length }, maxLength: MAX_LENGTH };
  },
  rows: (intake, rows) => {
    checkCount(intake, rows.length);
    const sequences = rows.map((row, index) => {
      try {
        return sampleOf(intake.ports.x, unwrapped(row, "x"));
      } catch (error) {
        if (error instanceof DataError) throw new RequestError(400, `sample ${index}: ${error.message}`);
        throw error;
      }
    });
    return { count: rows.length, pictures: [], sequences };
  },
  file: async ({ intake }) => {
    throw new RequestError(400, `"${intake.name}" reads sequences of numbers; send ${sequences.takes}`);
  },
  gather: async ({ intake }, { sequences = [] }) => {
    const [axis] = openAxes(intake.ports);
    const size = sizeOf(stepOf(intake));
    return grouped(
      sequences.map((x) => completed(intake, { count: 1, sizes: { [axis]: x.length / size }, arrays: { x } }, WORDS)),
    );
  },
  complete: (intake, given) => completed(intake, given, WORDS),
};
