/**
 * The task of going on with a text: after each token, how likely every token is to be the next. The network gives logits
 * [batch, time, tokens]; a target is the next token of each, or -100 where a text is filled up.
 */
import type { Dataset } from "../../data/dataset.ts";
import { type BatchArrays, IGNORED, type Ports } from "../../data/port.ts";
import { DataError, ShapeError } from "../../engine/errors.ts";
import { cast, eq, ne } from "../../engine/ops/elementwise.ts";
import { crossEntropy } from "../../engine/ops/loss.ts";
import { argmax, sum } from "../../engine/ops/reduce.ts";
import { formatShape, sameShape } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { JsonRecord } from "../../formats/model-file.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { type Candidate, rank } from "../classify/ranking.ts";
import type { InputCodec } from "../input.ts";
import type { LossFunction } from "../losses.ts";
import { ACCURACY } from "../score.ts";
import type { BatchOutputs, Measures, Primary, Task, Tensors } from "../task.ts";
import { TextInput } from "../text-input.ts";
import type { GenerateEvaluation } from "./evaluation.ts";

/** What comes next, the likeliest first. */
export type NextTokens = readonly Candidate[];

/** Of the tokens that there are, not of what fills up a text. */
const nextToken: LossFunction = (logits, targets) => crossEntropy(logits, targets, { ignoreIndex: IGNORED });

/** Goes on with a text: after each token, how likely every token is to be the next. */
export class Generate implements Task<NextTokens, GenerateEvaluation> {
  declare readonly evaluation?: GenerateEvaluation | undefined;
  readonly kind = "generate";
  readonly loss = "nextToken";
  readonly losses = { nextToken };
  readonly primary: Primary = { name: "perplexity", better: "lower" };
  readonly measures: readonly Primary[] = [this.primary, ACCURACY];
  readonly targets: Ports = { y: { shape: ["time"], dtype: "int32" } };
  readonly input: TextInput;
  readonly outputs: Ports;

  constructor(tokenizer: Tokenizer | TextInput) {
    this.input = tokenizer instanceof TextInput ? tokenizer : new TextInput(tokenizer);
    this.outputs = { logits: { shape: ["time", this.tokenizer.tokens.length], dtype: "float32" } };
  }

  get tokenizer(): Tokenizer {
    return this.input.tokenizer;
  }

  get names(): readonly string[] {
    return this.tokenizer.tokens;
  }

  untrainedLoss(): number {
    return Math.log(this.tokenizer.tokens.length);
  }

  finish(logits: Tensor, { x }: Tensors): Tensors {
    const wanted = [...x.shape, this.tokenizer.tokens.length];
    if (sameShape(logits.shape, wanted)) return { logits };
    throw new ShapeError(
      `model: the network's output is ${formatShape(logits.shape)} but the next of ${wanted[2]} tokens after each needs ${formatShape(wanted)}`,
    );
  }

  /** Its tokens, as far as they are its own. */
  weigh({ y }: BatchArrays): number {
    let tokens = 0;
    for (let i = 0; i < y.length; i++) if (y[i] !== IGNORED) tokens++;
    return tokens;
  }

  tally({ logits }: Tensors, { y }: Tensors): Tensors {
    return {
      correct: sum(cast(eq(argmax(logits), y), "float32")),
      tokens: sum(cast(ne(y, IGNORED), "float32")),
    };
  }

  rates({ correct, tokens }: Measures): Measures {
    return { accuracy: correct / tokens };
  }

  check(dataset: Dataset, name: string): void {
    if (dataset.targets.y?.shape.join() === "time") return;
    throw new DataError(`${dataset.name} has no next tokens to learn, which ${name} is for; use text.Texts`);
  }

  reading(input: InputCodec): Generate {
    return new Generate(input as TextInput);
  }

  /** What may come after the last token of a text. */
  decode({ outputs, sizes, count }: BatchOutputs, index: number, temperature: number | undefined): NextTokens {
    const { tokens } = this.tokenizer;
    const last = (outputs.length?.[index] ?? sizes.time) - 1;
    const from = (index * (outputs.logits.length / count / tokens.length) + last) * tokens.length;
    return rank({ classes: tokens, temperature }, outputs.logits.subarray(from, from + tokens.length));
  }

  record(): JsonRecord {
    return { kind: this.kind, input: this.input.record() };
  }
}

/** @throws DataError where its input is no text */
export function readGenerate(_stored: JsonRecord, input: InputCodec, name: string): Generate {
  if (input instanceof TextInput) return new Generate(input);
  throw new DataError(`${name}: it goes on with texts but reads ${input.kind}; the file is damaged`);
}
