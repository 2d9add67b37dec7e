/** What a report needs of a run while it runs, as a callback of `fit`: the curve of the loss, and the first batches. */
import type { Dataset } from "../data/dataset.ts";
import { pictureShape, type SamplePictures } from "../data/mosaic.ts";
import type { Callback, StartInfo } from "../train/callbacks.ts";
import type { StepPoint } from "./input.ts";

/** Points of the curve; more would not be seen. */
const POINTS = 600;
/** Pictures of the first batches. */
const PICTURES = 96;

/** A callback, and what it has seen. */
export interface RunRecorder extends Callback {
  readonly steps: readonly StepPoint[];
  /** The first samples that were trained on, as the network got them; undefined where they are no pictures. */
  batches(): SamplePictures | undefined;
  /** Undefined before the run starts. */
  readonly data: { readonly train: Dataset; readonly validation: Dataset | undefined } | undefined;
}

export function runRecorder(): RunRecorder {
  const steps: StepPoint[] = [];
  let start: StartInfo | undefined;
  let perPoint = 1;
  let sum = 0;
  let since = 0;
  let pixels = new Uint8Array(0);
  let filled = 0;
  return {
    steps,
    get data() {
      return start;
    },
    batches: () => {
      const shape = start && pictureShape(start.train);
      if (shape === undefined || filled === 0) return undefined;
      return { ...shape, data: pixels, count: Math.floor(filled / (shape.height * shape.width * shape.channels)) };
    },
    onStart: (info) => {
      start = info;
      perPoint = Math.max(1, Math.ceil(info.totalSteps / POINTS));
      const shape = pictureShape(info.train);
      const size = shape === undefined ? 0 : shape.height * shape.width * shape.channels;
      pixels = new Uint8Array(Math.min(PICTURES, info.samples) * size);
    },
    onStep: ({ step, loss, lr, inputs: { x } }) => {
      sum += loss;
      if (++since >= perPoint) {
        steps.push({ step, loss: sum / since, lr });
        sum = since = 0;
      }
      if (filled === pixels.length) return;
      const end = Math.min(pixels.length, filled + x.length);
      for (let i = 0; filled < end; i++) pixels[filled++] = x[i];
    },
  };
}
