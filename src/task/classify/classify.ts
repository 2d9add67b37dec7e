/**
 * The task of putting an input into one of N classes: a picture of a character, a sentence, a row of measurements. The network
 * gives one logit for each class; a target is the index of a class.
 */
import type { Dataset, SampleSpec } from "../../data/dataset.ts";
import { INDEX, type Ports, samePort } from "../../data/port.ts";
import { DataError, ShapeError, UsageError } from "../../engine/errors.ts";
import { cast, eq } from "../../engine/ops/elementwise.ts";
import { argmax, sum } from "../../engine/ops/reduce.ts";
import { quote } from "../../engine/quote.ts";
import { anyRecord, list, record } from "../../engine/schema.ts";
import { formatShape, sameShape } from "../../engine/shape.ts";
import type { Tensor } from "../../engine/tensor.ts";
import { type JsonRecord, printable } from "../../formats/model-file.ts";
import type { InputCodec } from "../input.ts";
import { ACCURACY } from "../score.ts";
import { checkedPart } from "../stored.ts";
import type { BatchOutputs, Measures, Primary, Task, Tensors } from "../task.ts";
import type { Evaluation } from "./evaluation.ts";
import type { NoClass, NoveltyRecord } from "./novelty.ts";
import { type Candidate, rank } from "./ranking.ts";

/** What a classifier answers: the likeliest class, and all others after it. */
export interface Ranked extends Candidate {
  /** All classes, the likeliest first. */
  readonly ranking: readonly Candidate[];
  /**
   * Why the sample shows none of the classes, whatever the probabilities are; undefined where it shows one, and where the model has no
   * novelty score.
   */
  readonly noClass?: NoClass | undefined;
}

/** Puts an input into one of N classes. */
export class Classify implements Task<Ranked, Evaluation> {
  declare readonly evaluation?: Evaluation | undefined;
  readonly kind = "classify";
  readonly loss = "crossEntropy";
  readonly primary = ACCURACY;
  readonly measures: readonly Primary[] = [ACCURACY];
  readonly targets: Ports = { y: INDEX };
  readonly input: InputCodec;
  /** Names of the classes in the order of the outputs. */
  readonly classes: readonly string[];
  readonly outputs: Ports;
  /** What tells samples of no class, see `fitNovelty`; undefined where none was fitted. novelty.ts knows what to do with it. */
  readonly novelty: NoveltyRecord | undefined;

  /** @throws UsageError for less than one class or names that occur twice */
  constructor(input: InputCodec, classes: number | readonly string[], novelty?: NoveltyRecord) {
    this.input = input;
    this.novelty = novelty;
    this.classes = classNames(classes);
    this.outputs = { logits: { shape: [this.classes.length], dtype: "float32" } };
  }

  get names(): readonly string[] {
    return this.classes;
  }

  untrainedLoss(samples: SampleSpec): number {
    return hasClasses(samples) ? Math.log(this.classes.length) : 1;
  }

  finish(logits: Tensor, { x }: Tensors): Tensors {
    if (!sameShape(logits.shape, [x.shape[0], this.classes.length])) {
      const [found, wanted] = [logits.shape, [x.shape[0], this.classes.length]].map(formatShape);
      throw new ShapeError(
        `model: the network's output is ${found} but ${this.classes.length} classes need ${wanted}; change its last layer or the classes${lostBatch(logits)}`,
      );
    }
    return { logits };
  }

  tally({ logits }: Tensors, { y }: Tensors, samples: SampleSpec): Tensors {
    // Targets may be probabilities, as mixed samples have them, or something else that a loss of one's own compares.
    return hasClasses(samples) ? { correct: sum(cast(eq(argmax(logits), y), "float32")) } : {};
  }

  rates({ correct }: Measures, samples: number): Measures {
    return correct === undefined ? {} : { accuracy: correct / samples };
  }

  check(dataset: Dataset, name: string): void {
    if (dataset.classes !== undefined && hasClasses(dataset) && dataset.classes.length > this.classes.length) {
      throw new DataError(
        `${dataset.name} has ${dataset.classes.length} classes but ${name} tells ${this.classes.length} apart; create the model with classes: ${dataset.classes.length}`,
      );
    }
  }

  refuse(dataset: Dataset): void {
    refuseOneClass(dataset);
  }

  warn(train: Dataset): readonly string[] {
    if (!hasClasses(train) || train.label === undefined) return [];
    const counts = new Array<number>(this.classes.length).fill(0);
    for (let i = 0; i < train.length; i++) counts[train.label(i)]++;
    const missing = this.classes.filter((_, label) => counts[label] === 0);
    if (missing.length === 0) return [];
    const names = missing.length > 10 ? `${missing.slice(0, 9).join(", ")} …` : missing.join(", ");
    return [
      `${train.name}: ${missing.length} of ${this.classes.length} classes have no samples to train on (${names}), so the model cannot learn them`,
    ];
  }

  adopt({ classes }: Dataset): Classify {
    if (classes?.length !== this.classes.length) return this;
    // What tells samples of other classes knows nothing of these.
    const isSame = classes.every((name, label) => name === this.classes[label]);
    return new Classify(this.input, classes, isSame ? this.novelty : undefined);
  }

  reading(input: InputCodec): Classify {
    return new Classify(input, this.classes, this.novelty);
  }

  decode({ outputs, count }: BatchOutputs, index: number, temperature: number | undefined): Ranked {
    const width = outputs.logits.length / count;
    const logits = outputs.logits.subarray(index * width, (index + 1) * width);
    const ranking = rank({ classes: this.classes, temperature }, logits);
    return { ...ranking[0], ranking };
  }

  record(): JsonRecord {
    const { kind, input, classes: classNames, novelty } = this;
    return { kind, input: input.record(), classNames, ...(novelty && { novelty }) };
  }
}

/** @param name of the file, which starts every message @throws DataError when it is damaged */
export function readClassify(stored: JsonRecord, input: InputCodec, name: string): Classify {
  const schema = record({ classNames: list(printable, 1) }, { novelty: anyRecord }, "ignored");
  const { classNames, novelty } = checkedPart(schema, stored, name);
  return new Classify(input, classNames, novelty as NoveltyRecord | undefined);
}

/** Whether targets are class indices, so that there is such a thing as accuracy. */
export function hasClasses({ targets, classes }: Pick<SampleSpec, "targets" | "classes">): boolean {
  return classes !== undefined && targets.y !== undefined && samePort(targets.y, INDEX);
}

/**
 * @throws DataError when all samples have the same class: whatever a network says of them is right, and "100 %" of them
 */
export function refuseOneClass(dataset: Dataset): void {
  const only = hasClasses(dataset) ? onlyLabel(dataset) : undefined;
  if (only === undefined) return;
  const name = dataset.classes?.[only] ?? only;
  throw new DataError(
    `${dataset.name}: all ${dataset.length} samples are of one class, "${name}"; there is nothing to tell apart. Add samples of another`,
  );
}

/** The label that all samples have; undefined where they have several, or none. */
export function onlyLabel(dataset: Dataset): number | undefined {
  if (dataset.label === undefined || dataset.length === 0) return undefined;
  const first = dataset.label(0);
  for (let i = 1; i < dataset.length; i++) if (dataset.label(i) !== first) return undefined;
  return first;
}

/** What to do where the batch axis is gone. */
const lostBatch = ({ rank }: Tensor): string => (rank < 2 ? "; flatten(x, 1) keeps the batch axis" : "");

/** @throws UsageError for less than one class or names that occur twice */
export function classNames(classes: number | readonly string[]): readonly string[] {
  if (typeof classes === "number") {
    if (!Number.isInteger(classes) || classes < 1 || classes > 1_000_000) {
      throw new UsageError(`model: ${classes} classes; give a whole number of at least 1, or their names`);
    }
    return Array.from({ length: classes }, (_, k) => String(k));
  }
  if (classes.length === 0) throw new UsageError("model: no classes; name at least one");
  const seen = new Set<string>();
  for (const name of classes) {
    if (seen.has(name)) throw new UsageError(`model: the class name ${quote(name)} occurs twice`);
    seen.add(name);
  }
  return classes;
}
