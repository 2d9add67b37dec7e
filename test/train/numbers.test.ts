/** Inputs that are numbers but no pictures: whole ones, and sequences of any length. They are trained on, measured, read, saved and loaded. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSequences } from "../../src/cli/predict-sequences.ts";
import {
  type Arrays,
  averagedOver,
  type Dataset,
  evaluate,
  exportModel,
  load,
  Model,
  models,
  NumbersReader,
  nn,
  ops,
  platform,
  predict,
  type Tensor,
  tasks,
  fit as train,
} from "../../src/index.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import { Walks, walk, walker } from "../helpers/walks.ts";

/** Five whole numbers by an embedding: whether a 3 is among them. */
class Whole extends nn.Module {
  readonly embedding = new nn.Embedding(4, 6);
  readonly head = new nn.Linear(6, 2);

  forward(x: Tensor, context: nn.Context): Tensor {
    return this.head.forward(ops.sum(this.embedding.forward(x, context), 1), context);
  }
}

const whole = (): Model =>
  new Model(new Whole(), {
    task: new tasks.Classify(new tasks.NumbersInput({ shape: [5], dtype: "int32" }), ["without", "with"]),
    seed: 1,
  });

const row = (index: number): number[] => Array.from({ length: 5 }, (_, i) => ((index * 7 + i * i) >> 1) % 4);
const hasThree = (index: number): number => (row(index).includes(3) ? 1 : 0);

class Rows implements Dataset {
  readonly name = "rows";
  readonly length = 64;
  readonly classes = ["without", "with"];
  readonly inputs = { x: { shape: [5], dtype: "int32" } } as const;
  readonly targets = { y: { shape: [], dtype: "int32" } } as const;
  label(index: number): number {
    return hasThree(index);
  }
  read(indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays): void {
    for (let k = 0; k < count; k++) {
      x.set(row(indices[start + k]), 5 * k);
      y[k] = hasThree(indices[start + k]);
    }
  }
}

const options = { epochs: 30, batchSize: 16, lr: 0.03, schedule: "constant", validation: 0, seed: 2 } as const;

describe("whole numbers", () => {
  it("reach an embedding as they are: trained, measured, saved, loaded, read", async () => {
    const { model } = await train(whole(), new Rows(), options);
    expect((await evaluate(model, new Rows())).accuracy).toBeGreaterThan(0.95);
    const again = await load(await encodeModel(model));
    expect(again.inputType).toBe("int32");
    for (const index of [0, 1, 2, 3]) {
      const answer = await predict(again, row(index));
      expect(answer.index).toBe(hasThree(index));
      expect(answer).toEqual(await predict(model, Int32Array.from(row(index))));
    }
  });

  it("are refused in one line where they are none, or too few", async () => {
    await expect(predict(whole(), [0, 1, 2, 0.5, 1])).rejects.toThrow(
      /^number 3 of a sample is 0.5; the model reads whole numbers of 32 bits$/,
    );
    await expect(predict(whole(), [0, 1])).rejects.toThrow(/^\[2\] numbers in a sample; the model reads numbers \[5\]/);
    expect(() => new tasks.NumbersInput({ shape: [5], dtype: "int64" as never })).toThrow(
      /^model: inputs are "int64"; expected one of uint8, float32, int32$/,
    );
    expect(() => new tasks.NumbersInput({ shape: ["time", 2] as never })).toThrow(/tasks\.SequenceInput$/);
  });

  it("become numbers of any range with a normalization", () => {
    const input = new tasks.NumbersInput({ shape: [5], dtype: "int32", normalization: { mean: 2, std: 1 } });
    const model = new Model(new nn.Linear(5, 2), { task: new tasks.Classify(input, 2) });
    expect(model.inputType).toBe("int32");
  });
});

describe("sequences of numbers", () => {
  it("are trained on with their lengths, and read at any length", async () => {
    const { model } = await train(walker(), new Walks(), options);
    expect((await evaluate(model, new Walks())).accuracy).toBeGreaterThan(0.95);
    const again = await load(await encodeModel(model));
    expect(again.task.input.record()).toEqual({
      kind: "sequence",
      shape: ["time", 2],
      dtype: "float32",
      normalization: null,
    });
    const reader = await NumbersReader.open(again);
    try {
      for (const length of [4, 5, 12, 31]) {
        for (const label of [0, 1]) {
          const steps = walk(length, label);
          const answer = await reader.read(steps);
          expect(answer.index).toBe(label);
          // As one list, and of the model before it was saved.
          const flat = await predict(model, Float32Array.from(steps.flat()));
          expect(flat.probability).toBeCloseTo(answer.probability, 5);
        }
      }
    } finally {
      await reader.close();
    }
  });

  it("do not depend on what fills them up", async () => {
    const model = walker();
    const steps = walk(5, 1).flat();
    // It is read by a program of six steps.
    const { ranking } = await predict(model, steps);
    const backend = await platform().createBackend({ threads: 1 });
    const program = await backend.compile(inferenceGraph(model, 1, { time: 5 }));
    program.inputs.x.set(steps);
    program.inputs.length.set([5]);
    program.run();
    const { logits } = await program.read("logits");
    await backend.close();
    const [up] = ranking.filter(({ name }) => name === "up");
    expect(up.probability).toBeCloseTo(1 / (1 + Math.exp(logits[0] - logits[1])), 5);
  });

  it("are refused in one line where they are empty, ragged or no numbers", async () => {
    const refused: [unknown, RegExp][] = [
      [[], /^\[0\] numbers in a sample; the model reads numbers \[time, 2\]/],
      [[[1, 2], [3]], /numbers in a sample/],
      [[1, 2, 3], /^\[3\] numbers in a sample/],
      [[[1, Number.NaN]], /^number 1 of a sample is NaN; the model reads finite numbers$/],
      ["text", /^the model reads numbers; give a list/],
      [5, /^the model reads numbers; give a list/],
    ];
    for (const [value, message] of refused) await expect(predict(walker(), value as never)).rejects.toThrow(message);
    expect(() => new tasks.SequenceInput({ shape: [4, 2] })).toThrow(/must be a name and then positive whole numbers/);
  });

  it("are read from JSON files by ductus predict; one that is none keeps no other from being read", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ductus-walks-"));
    try {
      const words = ["up.json", "bad.json"].map((file) => join(folder, file));
      await writeFile(words[0], JSON.stringify(walk(7, 1)));
      await writeFile(words[1], "[[1, 2], [");
      const model = walker();
      const answers = [];
      for await (const { answer } of (await openSequences({ words, texts: [] }, model)).answers(1))
        answers.push(answer);
      expect(answers[0]).toEqual(await predict(model, walk(7, 1)));
      expect(answers[1]).toMatchObject({
        message: expect.stringMatching(/bad\.json: is no JSON; a sequence is a list of steps/),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("leave as ONNX, with the axis open", async () => {
    const { agreement, files } = await exportModel(walker(), "onnx", { name: "walks" });
    expect([...files.keys()]).toEqual(["walks.onnx"]);
    expect(agreement).toMatchObject({ of: "weights", worst: 0 });
  });
});

it("a codec of one's own trains, and saving says in one line what to do", async () => {
  const known = new tasks.NumbersInput({ shape: [5], dtype: "int32" });
  class Ends implements tasks.InputCodec {
    readonly kind = "numbers";
    readonly ports = known.ports;
    prepare = known.prepare.bind(known);
    example = known.example.bind(known);
    record = () => ({ kind: "numbers", ends: true });
  }
  const own = new Model(new Whole(), { task: new tasks.Classify(new Ends(), ["without", "with"]), seed: 1 });
  const { model } = await train(own, new Rows(), { ...options, epochs: 1 });
  await expect(encodeModel(model)).rejects.toThrow(
    /^cannot save the model: .*: a model file holds tasks and inputs of Ductus alone, not Classify and Ends; .*saveWeights$/,
  );
});

it("a model of whole numbers is averaged over views as one of pictures is", async () => {
  const model = whole();
  const averaged = averagedOver(model, [(x) => x, (x) => x]);
  const [one, two] = await Promise.all([predict(model, row(3)), predict(averaged, row(3))]);
  expect(two.probability).toBeCloseTo(one.probability, 6);
});

it("what is no sample at all is refused in one line", async () => {
  for (const value of [5, null, undefined]) {
    await expect(predict(models.create("mlp"), value as never)).rejects.toThrow(
      `this model reads pictures, not ${value}; give the path of a file, its bytes or pixels`,
    );
  }
});
