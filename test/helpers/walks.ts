/** A model of sequences of numbers, and data for it: walks that go up on the whole, or down. */
import { type Arrays, type Dataset, Model, nn, ops, type Sizes, type Tensor, tasks } from "../../src/index.ts";

/** The last state of an LSTM over the steps that count. */
class Walker extends nn.Module {
  readonly lstm = new nn.LSTM(2, 8);
  readonly head = new nn.Linear(8, 2);

  forward(x: Tensor, context: nn.Context): Tensor {
    const { hidden } = this.lstm.sequence(x, context, { lengths: context.inputs?.length });
    return this.head.forward(ops.reshape(hidden, [x.shape[0], 8]), context);
  }
}

export const walker = (): Model =>
  new Model(new Walker(), {
    task: new tasks.Classify(new tasks.SequenceInput({ shape: ["time", 2] }), ["down", "up"]),
    seed: 3,
  });

/** Steps of a walk that goes up (`label` 1) or down: [number of the step, how far]. */
export const walk = (length: number, label: number): number[][] =>
  Array.from({ length }, (_, t) => [t / 10, (label === 1 ? 0.5 : -0.5) + Math.sin(7 * t + length)]);

/** Walks of 3 to 12 steps. */
export class Walks implements Dataset {
  readonly name = "walks";
  readonly classes = ["down", "up"];
  readonly length = 80;
  readonly inputs = { x: { shape: ["time", 2], dtype: "float32" }, length: { shape: [], dtype: "int32" } } as const;
  readonly targets = { y: { shape: [], dtype: "int32" } } as const;

  label(index: number): number {
    return index % 2;
  }

  sizes(index: number): Sizes {
    return { time: 3 + (index % 10) };
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y, length }: Arrays): void {
    const time = x.length / count / 2;
    x.fill(0);
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      y[k] = this.label(index);
      length[k] = 3 + (index % 10);
      x.set(walk(length[k], y[k]).flat(), k * time * 2);
    }
  }
}
