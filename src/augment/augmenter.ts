/**
 * Reads the pictures of a training batch, all of one size, and changes them on their way from the data set to the network. Only
 * mixing also looks at the other samples of a batch. Nothing is allocated for a batch.
 *
 * The caller reads pictures, draws what happens to each and writes it down; the kernels that move pictures and thicken
 * strokes read that, on the threads of a crew as soon as it is there. What is left of the list then follows on the caller's
 * thread.
 */

import type { Dataset, SampleSpec } from "../data/dataset.ts";
import {
  type Arrays,
  arraysFor,
  type BatchArrays,
  formatPort,
  INDEX,
  type Port,
  pictureSize,
  samePort,
  shapeAt,
} from "../data/port.ts";
import type { Crew } from "../engine/backends/backend.ts";
import type { TypedArray } from "../engine/dtype.ts";
import { UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { sizeOf } from "../engine/shape.ts";
import { buildSteps, type Step } from "./augmentations.ts";
import { type AugmenterOptions, type BatchAugmenter, TABLES, TOUCHES } from "./batch-augmenter.ts";
import type { MixBatch } from "./mixes.ts";
import { happens } from "./moves.ts";
import { PictureMap } from "./picture-map.ts";
import { RECORD } from "./picture-record.ts";
import type { AugmentationList } from "./records.ts";
import { type Frame, Workspace } from "./workspace.ts";

/** Samples that are read at a time: the crew has something to do as soon as these are there. */
const GROUP = 8;
export class Augmenter implements BatchAugmenter {
  /** What comes out: mixed class indices have become probabilities [classes]. */
  readonly samples: SampleSpec;
  readonly #dataset: Dataset;
  /** As they are read, before they are mixed. */
  readonly #targets: TypedArray;
  readonly #list: AugmentationList;
  readonly #frame: Frame;
  readonly #batchSize: number;
  readonly #seed: number;
  #work: Work;
  #mixBatch: MixBatch;
  #random: Random;
  #isPlain = false;
  #epoch = 0;

  /** @throws UsageError when the samples are no pictures of bytes, or a record is wrong */
  constructor(list: AugmentationList, dataset: Dataset, { batchSize, seed, classes }: AugmenterOptions) {
    const { inputs, targets, ground } = dataset;
    this.#dataset = dataset;
    const size = pictureSize(inputs);
    if (size === undefined || Object.keys(inputs).length > 1) {
      throw new UsageError(
        `${dataset.name}: only pictures of bytes [height, width, channels] can be augmented, not ${Object.values(inputs).map(formatPort).join(" and ")}`,
      );
    }
    const [height, width, channels] = size;
    this.#list = list;
    this.#frame = { height, width, channels, ground };
    this.#batchSize = batchSize;
    this.#seed = seed;
    this.#random = new Random(seed, "augment", 0);
    this.#targets = arraysFor(targets, batchSize).y;
    this.#work = this.#prepare();

    const isMixed = this.#work.mixes.length > 0;
    const isIndex = samePort(targets.y, INDEX);
    const classCount = classes ?? dataset.classes?.length;
    if (isMixed && targets.y.dtype === "int32" && (!isIndex || classCount === undefined)) {
      throw new UsageError(`${dataset.name}: mixup and cutmix need targets that are class indices or numbers`);
    }
    const mixed: Port = { shape: isIndex ? [classCount as number] : targets.y.shape, dtype: "float32" };
    this.samples = { inputs, targets: isMixed ? { y: mixed } : targets, classes: dataset.classes };
    this.#mixBatch = this.#newMixBatch();
  }

  /** Goes on with the threads of a crew, from the next epoch on. */
  async employ(crew: Crew): Promise<void> {
    this.dispose();
    this.#work = this.#prepare(crew);
    this.#mixBatch = this.#newMixBatch();
    await this.#work.workspace.loaded;
  }

  /** Gives memory and threads of a crew back; nothing can be augmented afterwards. */
  dispose(): void {
    this.#work.workspace.dispose();
  }

  /**
   * Begins an epoch.
   * @param isPlain whether its samples stay as they are; their targets still become what {@link samples} says
   */
  start(epoch: number, isPlain = false): void {
    this.#isPlain = isPlain;
    this.#epoch = epoch;
    this.#random = new Random(this.#seed, "augment", epoch);
    for (const [i, step] of this.#work.steps.entries()) step.begin?.(this.#random.item(TABLES, i));
  }

  /** Writes samples number `indices[start …]` of the data set, changed, to the front of the arrays. */
  read(indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays): void {
    const { workspace, touches, mixes } = this.#work;
    const isPlain = this.#isPlain;
    const { out, size } = workspace;
    workspace.begin(count);
    try {
      this.#readAndDraw(indices, start, count);
    } finally {
      // The crew waits for all of them, even when they could not be read.
      workspace.publish(count);
      workspace.finish();
    }
    if (touches.length > 0 && !isPlain) for (let k = 0; k < count; k++) this.#touch(k, indices[start + k]);
    this.#writeTargets(count, y);
    if (mixes.length > 0 && !isPlain) this.#mix(indices, start, count, y as Float32Array);
    if (x.length === out.length) x.set(out);
    else for (let i = 0; i < count * size; i++) x[i] = out[i];
  }

  #readAndDraw(indices: ArrayLike<number>, start: number, count: number): void {
    const { workspace, groups } = this.#work;
    for (let g = 0, first = 0; first < count; g++, first += GROUP) {
      const end = Math.min(count, first + GROUP);
      this.#dataset.read(indices, start + first, end - first, groups[g], undefined, this.#epoch);
      for (let k = first; k < end; k++) this.#draw(k, indices[start + k]);
      workspace.publish(end);
    }
  }

  /** Draws how the picture at place `k` moves and how its strokes change, and writes it down. */
  #draw(k: number, sample: number): void {
    const { workspace, map, moves, strokes } = this.#work;
    const random = this.#random.item(sample);
    map.reset();
    if (!this.#isPlain) for (const { p, move } of moves) if (happens(p, random)) move(map, random);
    map.record(k);
    const at = k * workspace.recordWords + RECORD.strokes;
    for (let s = 0; s < strokes.length; s++) {
      const { p, stroke } = strokes[s];
      workspace.words[at + s] = !this.#isPlain && happens(p, random) ? stroke(random) : 0;
    }
  }

  /** What no kernel of the crew does. */
  #touch(k: number, sample: number): void {
    const { workspace, touches } = this.#work;
    const random = this.#random.item(sample, TOUCHES);
    const at = k * workspace.size;
    for (const step of touches) {
      if (!happens(step.p, random)) continue;
      if (step.kind === "touch") step.touch(at, random);
      else workspace.stroke(step.stroke(random), at);
    }
  }

  #writeTargets(count: number, targets: TypedArray): void {
    const { width } = this.#mixBatch;
    if (this.samples.targets.y.dtype === "float32" && this.#targets instanceof Int32Array) {
      targets.fill(0, 0, count * width);
      for (let k = 0; k < count; k++) targets[k * width + this.#targets[k]] = 1;
    } else for (let i = 0; i < count * width; i++) targets[i] = this.#targets[i];
  }

  #mix(indices: ArrayLike<number>, start: number, count: number, targets: Float32Array): void {
    const { mixes } = this.#work;
    const batch = this.#mixBatch;
    batch.count = count;
    batch.targetsAfter = targets;
    for (let m = 0; m < mixes.length; m++) {
      const { p, mix } = mixes[m];
      batch.before.set(batch.after);
      for (let i = 0; i < count * batch.width; i++) batch.targetsBefore[i] = targets[i];
      for (let k = 0; k < count; k++) {
        const random = this.#random.item(indices[start + k], m + 1);
        if (happens(p, random)) mix(batch, k, random);
      }
    }
  }

  #prepare(crew?: Crew): Work {
    const strokes = this.#list.filter(({ name }) => name === "stroke").length;
    const workspace = new Workspace(this.#frame, { batchSize: this.#batchSize, strokes, crew });
    const steps = buildSteps(this.#list, workspace);
    const others = steps.filter((step) => step.kind === "stroke" || step.kind === "touch");
    // Strokes that come first follow the moves on whatever thread these are done.
    const leading = others.findIndex(({ kind }) => kind === "touch");
    const end = leading < 0 ? others.length : leading;
    const targetSize = this.#targets.length / this.#batchSize;
    const groups = Array.from({ length: Math.ceil(this.#batchSize / GROUP) }, (_, g) => ({
      x: workspace.raw.subarray(g * GROUP * workspace.size),
      y: this.#targets.subarray(g * GROUP * targetSize),
    }));
    return {
      workspace,
      groups,
      map: new PictureMap(workspace),
      steps,
      moves: steps.filter((step) => step.kind === "move"),
      strokes: others.slice(0, end).filter((step) => step.kind === "stroke"),
      touches: others.slice(end),
      mixes: steps.filter((step) => step.kind === "mix"),
    };
  }

  #newMixBatch(): MixBatch {
    const { workspace, mixes } = this.#work;
    const width = sizeOf(shapeAt(this.samples.targets.y));
    return {
      count: 0,
      before: workspace.raw,
      after: workspace.out,
      targetsBefore: new Float32Array(mixes.length > 0 ? this.#batchSize * width : 0),
      targetsAfter: new Float32Array(0),
      width,
    };
  }
}

/** The list as what does it. */
interface Work {
  readonly workspace: Workspace;
  /** Where each group of a batch is read to. */
  readonly groups: readonly BatchArrays[];
  readonly map: PictureMap;
  readonly steps: readonly Step[];
  readonly moves: readonly Of<"move">[];
  readonly strokes: readonly Of<"stroke">[];
  readonly touches: readonly (Of<"stroke"> | Of<"touch">)[];
  readonly mixes: readonly Of<"mix">[];
}

type Of<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>;
