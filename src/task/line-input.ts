/**
 * The codec of inputs that are lines of writing, such as one number: a picture of one height and any width, column after column, so that
 * lines of a batch are filled up with paper at their ends. The network is told in `context.inputs.length` how many columns count.
 */
import { INDEX, type Ports } from "../data/port.ts";
import { DataError } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import { check, Mismatch, oneOf, record, type Schema, whole } from "../engine/schema.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { LINE, type LineFrame } from "../picture/line.ts";
import type { InputCodec } from "./input.ts";
import type { Tensors } from "./task.ts";

/** Columns of an example that count. */
const EXAMPLE_COLUMNS = 11;

/** Lines of writing: `x`, columns of bytes, light ink on black, and `length`, how many of them count. */
export class LineInput implements InputCodec {
  readonly kind = "line";
  readonly preprocessing: LineFrame;
  readonly ports: Ports;

  constructor(preprocessing: LineFrame = LINE) {
    this.preprocessing = preprocessing;
    this.ports = { x: { shape: ["columns", preprocessing.height, 1], dtype: "uint8" }, length: INDEX };
  }

  prepare(inputs: Tensors): Tensors {
    return inputs;
  }

  example(port: string, length: number, random: Random): Float32Array | Int32Array {
    if (port === "length") return Int32Array.of(EXAMPLE_COLUMNS);
    return Float32Array.from({ length }, () => random.integer(256));
  }

  record(): JsonRecord {
    return { kind: this.kind, preprocessing: { ...this.preprocessing } };
  }
}

const size = whole(1, 256);
const schema: Schema<LineFrame> = record({
  height: size,
  ink: size,
  before: whole(0, 256),
  after: whole(0, 256),
  margin: whole(0, 256),
  polarity: oneOf("auto", "light-on-dark", "dark-on-light"),
});

/** @param name starts the message @throws DataError when it is damaged, or newer than this version */
export function readLineInput({ preprocessing }: JsonRecord, name: string): LineInput {
  const found = check(schema, preprocessing);
  if (!(found instanceof Mismatch) && found.ink <= found.height) return new LineInput(found);
  throw new DataError(`${name}: how it reads lines is damaged or newer than this version; copy or train it again`);
}
