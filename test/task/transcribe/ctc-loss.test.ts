/** CTC of strings whose symbols have known places: beside what the frames together have to give, that something stands there. */
import { expect, it } from "vitest";
import { IGNORED } from "../../../src/data/port.ts";
import { gradients } from "../../../src/engine/autodiff.ts";
import { constant } from "../../../src/engine/ops/constant.ts";
import { Parameter } from "../../../src/engine/tensor.ts";
import { trace } from "../../../src/engine/trace.ts";
import { LineInput } from "../../../src/task/line-input.ts";
import { findLoss, trainingLoss } from "../../../src/task/losses.ts";
import { smoothedCtc } from "../../../src/task/transcribe/ctc-loss.ts";
import { Transcribe } from "../../../src/task/transcribe/transcribe.ts";
import { evaluate } from "../../helpers/evaluate.ts";

/** Two samples of twelve frames, of two columns each, over "nothing" and two symbols; of the second, eight frames count. */
const [BATCH, FRAMES, CLASSES, STRIDE] = [2, 12, 3, 2];
const LENGTHS = [12, 8];
const TARGETS = [0, 1, 1, IGNORED];
/** In columns: the frames of samples 0 and 1 are 2 and 8, and 3. */
const PLACES = [5, 16, 7, IGNORED];
const HERE = [[2, 8], [3]];
const SHARE = 0.3;

function lossOf(logits: ArrayLike<number>, places: readonly number[] | undefined, share = SHARE) {
  const frames = new Parameter([BATCH, FRAMES, CLASSES], Float32Array.from(logits));
  const ints = (values: readonly number[], width: number) => constant(values, "int32", [values.length / width, width]);
  const graph = trace(() => {
    const loss = smoothedCtc(share)(frames, ints(TARGETS, 2), {
      inputs: { x: constant(0, "float32", [BATCH, FRAMES * STRIDE, 1, 1]) },
      outputs: { logits: frames, frames: constant(LENGTHS, "int32", [BATCH]) },
      targets: places === undefined ? {} : { at: ints(places, 2) },
    });
    return { loss, gradient: gradients(loss, [frames])[0] };
  });
  const { loss, gradient } = evaluate(graph, {});
  return { loss: loss[0], gradient };
}

const LOGITS = Float32Array.from({ length: BATCH * FRAMES * CLASSES }, (_, i) => Math.sin(i * 1.7) * 2);

it("adds the mean of −ln of the symbols' probabilities where one of them stands, for each symbol of the string", () => {
  const expected = HERE.map((here, sample) => {
    const each = here.map((t) => {
      const row = [...LOGITS.subarray((sample * FRAMES + t) * CLASSES, (sample * FRAMES + t + 1) * CLASSES)];
      return Math.log(row.reduce((all, x) => all + Math.exp(x), 0)) - (row[1] + row[2]) / 2;
    });
    return each.reduce((a, b) => a + b) / each.length;
  });
  const [alone, placed] = [lossOf(LOGITS, undefined), lossOf(LOGITS, PLACES)];
  expect(placed.loss - alone.loss).toBeCloseTo((SHARE * (expected[0] + expected[1])) / 2, 6);
  expect(lossOf(LOGITS, PLACES, 0).loss).toBe(alone.loss);
});

it("pulls from nothing to the symbols where one stands, and changes nothing elsewhere", () => {
  const [alone, placed] = [lossOf(LOGITS, undefined), lossOf(LOGITS, PLACES)];
  for (let sample = 0; sample < BATCH; sample++) {
    for (let t = 0; t < FRAMES; t++) {
      const at = (sample * FRAMES + t) * CLASSES;
      const more = [0, 1, 2].map((c) => placed.gradient[at + c] - alone.gradient[at + c]);
      if (HERE[sample].includes(t)) {
        expect(more[0]).toBeGreaterThan(0);
        expect(more[1] + more[2]).toBeCloseTo(-more[0], 9);
      } else {
        for (const difference of more) expect(difference).toBeCloseTo(0, 9);
      }
    }
  }
});

it("does not care where what fills up a string would stand, nor about a string without symbols", () => {
  const empty = lossOf(LOGITS, [IGNORED, IGNORED, IGNORED, IGNORED]);
  expect(empty.loss).toBeCloseTo(lossOf(LOGITS, undefined).loss, 9);
});

it("trains, and measures without it", () => {
  const task = new Transcribe(new LineInput(), "12");
  const options = { labelSmoothing: SHARE, classWeights: undefined };
  expect(trainingLoss("ctc", task, { ...options, labelSmoothing: 0 })).toBe(findLoss("ctc", task));
  expect(trainingLoss("ctc", task, options)).not.toBe(findLoss("ctc", task));
  expect(() => trainingLoss("mseLoss", task, options)).toThrow("labelSmoothing belongs to the loss crossEntropy");
  expect(() => trainingLoss("ctc", task, { ...options, classWeights: [1, 1] })).toThrow("classWeights belong to");
});
