/** What a model file says of its task, where it is hostile or damaged. */
import { expect, it } from "vitest";
import { DataError } from "../../src/engine/errors.ts";
import { Classify } from "../../src/task/classify/classify.ts";
import { NumbersInput } from "../../src/task/input.ts";
import { readTask } from "../../src/task/tasks.ts";

const good = new Classify(new NumbersInput({ shape: [3] }), ["a", "β"]).record();

it("a task comes back from its record", async () => {
  expect((await readTask(JSON.parse(JSON.stringify(good)), "a")).record()).toEqual(good);
});

it.each([
  [{ kind: "fly" }],
  [{ classNames: ["\u001b[2J"] }],
  [{ classNames: ["a", ""] }],
  [{ classNames: [] }],
  [{ input: { kind: "smell" } }],
  [{ input: { kind: "numbers", shape: [0], dtype: "uint8", normalization: null } }],
])("with %j is refused in one line that names the file", async (change) => {
  const error: unknown = await readTask({ ...good, ...change }, "m.safetensors").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DataError);
  expect((error as DataError).message).toMatch(/^m\.safetensors: [^\p{Cc}]+$/u);
});
