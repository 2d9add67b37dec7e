/**
 * Changes the samples of a training batch on their way from the data set to the network (see loader.ts). What happens to
 * a sample depends on the seed, the epoch and the number of the sample alone; only mixing also looks at the other samples
 * of its batch. Nothing is allocated for a batch.
 */
import { UsageError } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { sizeOf } from "../../engine/shape.ts";
import type { Dataset, InputArray, TargetArray } from "../dataset.ts";
import { buildSteps, type Step } from "./augmentations.ts";
import type { MixBatch } from "./mixes.ts";
import { PictureMap } from "./picture-map.ts";
import type { AugmentationList } from "./records.ts";
import { Workspace } from "./workspace.ts";

/** What a data set says of its samples. */
export type SampleShape = Pick<Dataset, "inputShape" | "inputType" | "targetShape" | "targetType" | "classes">;

export interface AugmenterOptions {
  /** Most samples that come together. */
  readonly batchSize: number;
  readonly seed: number;
  /** Probabilities in a mixed target; default: the classes of the data set. */
  readonly classes?: number;
}

/** Makes the {@link Augmenter} of a data set. */
export type Augment = (dataset: Dataset, options: AugmenterOptions) => Augmenter;

/** What a list does; undefined for an empty one. */
export function augmentBy(list: AugmentationList): Augment | undefined {
  return list.length === 0 ? undefined : (dataset, options) => new Augmenter(list, dataset, options);
}

/** Numbers drawn for the tables of an epoch are those of a sample that no data set has. */
const TABLES = 2 ** 32 - 1;

export class Augmenter {
  /** Shape and type of what comes out: mixed class indices have become probabilities [classes]. */
  readonly samples: SampleShape;
  /** Where pictures and targets are to be read to, before {@link apply}. */
  readonly pictures: Uint8Array;
  readonly targets: TargetArray;
  readonly #workspace: Workspace;
  readonly #map: PictureMap;
  readonly #moves: readonly Of<"move">[];
  readonly #touches: readonly Of<"touch">[];
  readonly #mixes: readonly Of<"mix">[];
  readonly #steps: readonly Step[];
  readonly #seed: number;
  readonly #mixBatch: MixBatch;
  #random: Random;

  /** @throws UsageError when the samples are no pictures of bytes, or a record is wrong */
  constructor(list: AugmentationList, dataset: Dataset, { batchSize, seed, classes }: AugmenterOptions) {
    const { inputShape, inputType, targetShape, targetType, ground } = dataset;
    const [height, width, channels] = inputShape;
    if (inputType !== "uint8" || inputShape.length !== 3) {
      throw new UsageError(
        `${dataset.name}: only pictures of bytes [height, width, channels] can be augmented, not ${inputType} [${inputShape.join(", ")}]`,
      );
    }
    this.#workspace = new Workspace({ height, width, channels, ground }, batchSize);
    this.#map = new PictureMap(this.#workspace);
    this.#steps = buildSteps(list, this.#workspace);
    this.#moves = this.#steps.filter((step) => step.kind === "move");
    this.#touches = this.#steps.filter((step) => step.kind === "touch");
    this.#mixes = this.#steps.filter((step) => step.kind === "mix");
    this.#seed = seed;
    this.#random = new Random(seed, "augment", 0);

    const isMixed = this.#mixes.length > 0;
    const isIndex = targetType === "int32" && targetShape.length === 0;
    const classCount = classes ?? dataset.classes?.length;
    if (isMixed && targetType === "int32" && (!isIndex || classCount === undefined)) {
      throw new UsageError(`${dataset.name}: mixup and cutmix need targets that are class indices or numbers`);
    }
    this.samples = {
      inputShape,
      inputType,
      targetShape: isMixed && isIndex ? [classCount as number] : targetShape,
      targetType: isMixed ? "float32" : targetType,
      classes: dataset.classes,
    };
    this.pictures = this.#workspace.raw;
    this.targets =
      targetType === "int32"
        ? new Int32Array(batchSize * sizeOf(targetShape))
        : new Float32Array(batchSize * sizeOf(targetShape));
    this.#mixBatch = {
      count: 0,
      before: this.#workspace.raw,
      after: this.#workspace.out,
      targetsBefore: new Float32Array(isMixed ? batchSize * sizeOf(this.samples.targetShape) : 0),
      targetsAfter: new Float32Array(0),
      width: sizeOf(this.samples.targetShape),
    };
  }

  /** Begins an epoch. */
  start(epoch: number): void {
    this.#random = new Random(this.#seed, "augment", epoch);
    for (const [i, step] of this.#steps.entries()) step.begin?.(this.#random.item(TABLES, i));
  }

  /**
   * Changes the first `count` samples of {@link pictures} and {@link targets}, which are number `indices[start …]` of the
   * data set, and writes them to the front of both arrays.
   */
  apply(indices: ArrayLike<number>, start: number, count: number, inputs: InputArray, targets: TargetArray): void {
    const { out, size } = this.#workspace;
    for (let k = 0; k < count; k++) this.#change(k, indices[start + k]);
    this.#writeTargets(count, targets);
    if (this.#mixes.length > 0) this.#mix(indices, start, count, targets as Float32Array);
    if (inputs.length === out.length) inputs.set(out);
    else for (let i = 0; i < count * size; i++) inputs[i] = out[i];
  }

  /** Moves and touches the picture at place `k`. */
  #change(k: number, sample: number): void {
    const random = this.#random.item(sample);
    this.#map.reset();
    for (const { p, move } of this.#moves) if (happens(p, random)) move(this.#map, random);
    this.#map.apply(k);
    const at = k * this.#workspace.size;
    for (const { p, touch } of this.#touches) if (happens(p, random)) touch(at, random);
  }

  #writeTargets(count: number, targets: TargetArray): void {
    const { width } = this.#mixBatch;
    if (this.samples.targetType === "float32" && this.targets instanceof Int32Array) {
      targets.fill(0, 0, count * width);
      for (let k = 0; k < count; k++) targets[k * width + this.targets[k]] = 1;
    } else for (let i = 0; i < count * width; i++) targets[i] = this.targets[i];
  }

  #mix(indices: ArrayLike<number>, start: number, count: number, targets: Float32Array): void {
    const batch = this.#mixBatch;
    batch.count = count;
    batch.targetsAfter = targets;
    for (let m = 0; m < this.#mixes.length; m++) {
      const { p, mix } = this.#mixes[m];
      batch.before.set(batch.after);
      for (let i = 0; i < count * batch.width; i++) batch.targetsBefore[i] = targets[i];
      for (let k = 0; k < count; k++) {
        const random = this.#random.item(indices[start + k], m + 1);
        if (happens(p, random)) mix(batch, k, random);
      }
    }
  }
}

type Of<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>;

/** A certain event draws nothing. */
function happens(p: number, random: Random): boolean {
  return p === 1 || random.uniform() < p;
}
