/**
 * Test-time augmentation: a model that looks at several views of each input, such as copies shifted by a pixel, and
 * averages what it makes of them. It is a model like any other, so it can be evaluated, used and saved; it costs as many
 * times the work as there are views.
 */
import { UsageError } from "../engine/errors.ts";
import { cast } from "../engine/ops/elementwise.ts";
import { pad, slice } from "../engine/ops/movement.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type AnyModel, Model } from "../models/model.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import type { Classify } from "../task/classify/classify.ts";
import { type InputCodec, unprepared } from "../task/input.ts";
import type { AnyTask } from "../task/task.ts";
import { forwardPrepared, mean } from "./ensemble.ts";

/** A view of a batch of raw inputs, float32 [batch, height, width, channels], bytes as numbers 0 … 255; int32 where inputs are. */
export type View = (x: Tensor) => Tensor;

/** The mean of what a network gives over some views. Its weights have the names that they have in the network. */
class Averaged extends Module {
  readonly #network: Module;
  readonly #input: InputCodec;
  readonly #views: readonly View[];

  constructor({ network, task }: AnyModel, views: readonly View[]) {
    super();
    this.#network = network;
    this.#input = task.input;
    this.#views = views;
  }

  forward(x: Tensor, context: Context): Tensor {
    // Tokens are looked up by their numbers.
    const raw = x.dtype === "int32" ? x : cast(x, "float32");
    return mean(this.#views.map((view) => forwardPrepared(this.#network, this.#input, view(raw), context)));
  }

  override *children(): IterableIterator<[name: string, child: Module]> {
    yield* this.#network.children();
  }

  override *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    yield* this.#network.namedParameters(prefix);
  }
}

/** The same network, averaged over views of its input; trained, it is trained so. @throws UsageError without views */
export function averagedOver<T extends AnyTask = Classify>(model: Model<T>, views: readonly View[]): Model<T> {
  if (views.length === 0) throw new UsageError("test-time augmentation needs at least one view");
  const { metrics, dataset, recipe, trainedOn, temperature } = model;
  const known = { metrics, dataset, recipe, trainedOn, temperature };
  return new Model(new Averaged(model, views), { ...known, task: unprepared(model.task) });
}

/**
 * Views of pictures moved by up to `pixels` in both directions, the picture itself among them: 9 for 1 pixel, 25 for 2.
 * What comes in at the border is black, the ground of handwriting.
 * @throws UsageError unless pixels is 1 … 4
 */
export function shifts(pixels: number): View[] {
  if (!(Number.isInteger(pixels) && pixels >= 1 && pixels <= 4)) {
    throw new UsageError(`shifts are by 1 to 4 pixels, not ${pixels}`);
  }
  const steps = Array.from({ length: 2 * pixels + 1 }, (_, i) => i - pixels);
  return steps.flatMap((down) =>
    steps.map(
      (right): View =>
        (x) =>
          shifted(x, down, right),
    ),
  );
}

/** [B, H, W, C] moved by whole pixels. */
function shifted(x: Tensor, down: number, right: number): Tensor {
  if (down === 0 && right === 0) return x;
  const [, H, W] = x.shape;
  const range = (size: number, by: number): { start: number; end: number } => ({
    start: Math.max(0, -by),
    end: size - Math.max(0, by),
  });
  const kept = slice(x, [{}, range(H, down), range(W, right)]);
  const around = (by: number): readonly [number, number] => [Math.max(0, by), Math.max(0, -by)];
  return pad(kept, [[0, 0], around(down), around(right), [0, 0]]);
}
