/**
 * Event files that TensorBoard shows while a run is on, as a callback of `fit`: the loss and learning rate of steps, what was
 * measured after each epoch, histograms of the weights, and the first batch as a picture.
 *
 *     tensorboard --logdir runs
 */
import { mosaic, pictureShape } from "../data/mosaic.ts";
import { type Summary, summaryRecord, versionRecord } from "../formats/event-file.ts";
import { encodePng } from "../formats/png.ts";
import { platform } from "../platform/platform.ts";
import type { Callback } from "../train/callbacks.ts";
import { flatResult } from "./csv.ts";

/** Milliseconds between two points of the step curves, and until the file has them: little beside the work of training. */
const INTERVAL = 500;
const FLUSH = 5000;
const PICTURES = 64;
const COLUMNS = 8;

/** Keeps one event file in `folder`; a run that goes on begins a new one, as TensorBoard expects. */
export function tensorBoardWriter(folder: string): Callback {
  const started = Date.now();
  const path = `${folder.replace(/[\\/]+$/, "")}/events.out.tfevents.${Math.floor(started / 1000)}.ductus`;
  let waiting: Uint8Array[] = [versionRecord(started / 1000)];
  // The first step is told, however young the process is.
  let shown = Number.NEGATIVE_INFINITY;
  let shape: ReturnType<typeof pictureShape>;
  let hasPicture = false;
  let flushed = performance.now();
  let pictures: Promise<void> = Promise.resolve();
  let written: Promise<void> = Promise.resolve();
  const add = (step: number, values: Readonly<Record<string, Summary>>): void => {
    waiting.push(summaryRecord(Date.now() / 1000, step, values));
  };
  const write = async (): Promise<void> => {
    await pictures;
    const records = waiting;
    waiting = [];
    await platform().appendFile(path, joined(records));
  };
  const flush = (): Promise<void> => {
    flushed = performance.now();
    written = written.then(write);
    // A failure shows where somebody waits: at the end of the epoch.
    written.catch(() => {});
    return written;
  };
  return {
    onStart: (info) => {
      shape = pictureShape(info.train);
      return flush();
    },
    onStep: ({ step, loss, lr, inputs: { x } }) => {
      if (!hasPicture && shape !== undefined) {
        hasPicture = true;
        const { height, width, channels } = shape;
        const count = Math.min(PICTURES, x.length / (height * width * channels));
        const data = Uint8Array.from(x.subarray(0, count * height * width * channels));
        const picture = mosaic({ height, width, channels, data, count }, COLUMNS);
        pictures = encodePng(picture).then((png) =>
          add(step, { "training batch": { kind: "image", ...picture, png } }),
        );
      }
      const now = performance.now();
      if (now - shown < INTERVAL) return;
      shown = now;
      add(step, { "step/loss": scalar(loss), "step/lr": scalar(lr) });
      if (now - flushed >= FLUSH) void flush();
    },
    onEpoch: async (info) => {
      const { epoch: _, step, ...numbers } = flatResult(info);
      const scalars = Object.entries(numbers).flatMap(([name, value]) =>
        value === undefined || step === undefined ? [] : [[`epoch/${name}`, scalar(value)]],
      );
      const weights = [...info.model.network.namedParameters()].map(([name, { data }]) => [
        `weights/${name}`,
        { kind: "histogram", values: data },
      ]);
      add(info.step, Object.fromEntries([...scalars, ...weights]) as Record<string, Summary>);
      await flush();
    },
    onEnd: flush,
  };
}

function scalar(value: number): Summary {
  return { kind: "scalar", value };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
