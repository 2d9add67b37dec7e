/**
 * Augmentations that change the values of pixels where they are, in the picture that begins at `out[at]`; and strokes, which
 * kernels thicken or thin.
 */
import type { Random } from "../engine/random.ts";
import { gaussian } from "./gaussian.ts";
import { draw } from "./moves.ts";
import type { Interval } from "./rules.ts";
import type { Frame, Workspace } from "./workspace.ts";

/** Where the pictures are that are touched. A canvas of lines has another size for each of them. */
export interface Canvas {
  readonly out: Uint8Array;
  /** Bytes of one picture. */
  readonly size: number;
  readonly frame: Frame;
}

export type Touch = (at: number, random: Random) => void;

const clampByte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));

/** Draws by how many 256ths of a pixel the edges of what is bright move outwards. */
export type Stroke = (random: Random) => number;

export function stroke(radius: Interval, { frame }: Workspace): Stroke {
  const direction = (frame.ground ?? 0) < 128 ? 256 : -256;
  return (random) => Math.round(direction * draw(random, radius));
}

export function brightness(amount: Interval, canvas: Canvas): Touch {
  return lookUp(canvas, (table, _, random) => {
    const added = 255 * draw(random, amount);
    for (let value = 0; value < 256; value++) table[value] = clampByte(value + added);
  });
}

export function contrast(factor: Interval, canvas: Canvas): Touch {
  return lookUp(canvas, (table, at, random) => {
    const { out, size } = canvas;
    const drawn = draw(random, factor);
    let sum = 0;
    for (let i = at; i < at + size; i++) sum += out[i];
    const mean = sum / size;
    for (let value = 0; value < 256; value++) table[value] = clampByte(mean + (value - mean) * drawn);
  });
}

/** Replaces every value by that of a table, which `prepare` fills for each picture. */
function lookUp(canvas: Canvas, prepare: (table: Uint8Array, at: number, random: Random) => void): Touch {
  const table = new Uint8Array(256);
  return (at, random) => {
    const { out, size } = canvas;
    prepare(table, at, random);
    for (let i = at; i < at + size; i++) out[i] = table[out[i]];
  };
}

/** So many normal numbers are drawn once per epoch; a picture reads them from a place of its own on. */
const NORMALS = 2 ** 15;

export function noise(std: Interval, canvas: Canvas): { touch: Touch; begin: (random: Random) => void } {
  const normals = new Float32Array(NORMALS);
  return {
    begin: (random) => {
      for (let i = 0; i < NORMALS; i++) normals[i] = random.normal();
    },
    touch: (at, random) => {
      const { out, size } = canvas;
      const level = 255 * draw(random, std);
      const place = random.integer(NORMALS);
      for (let i = 0; i < size; i++) {
        out[at + i] = clampByte(out[at + i] + level * normals[(place + i) & (NORMALS - 1)]);
      }
    },
  };
}

export function blur(sigma: Interval, canvas: Canvas): Touch {
  const { out } = canvas;
  const margin = Math.ceil(3 * sigma[1]);
  // As long as any picture of the canvas.
  const line = new Float64Array(Math.max(canvas.frame.height, canvas.frame.width) + 2 * margin);
  /** One row or column of one channel; beyond its ends its last values go on. */
  const blurLine = (weights: Float64Array, from: number, length: number, step: number): void => {
    const radius = (weights.length - 1) / 2;
    for (let i = -radius; i < length + radius; i++) {
      line[i + radius] = out[from + step * Math.min(length - 1, Math.max(0, i))];
    }
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * line[i + k];
      out[from + step * i] = Math.round(sum);
    }
  };
  return (at, random) => {
    const drawn = draw(random, sigma);
    if (drawn === 0) return;
    const { height, width, channels } = canvas.frame;
    const weights = gaussian(drawn);
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) blurLine(weights, at + y * width * channels + c, width, channels);
    }
    for (let i = 0; i < width * channels; i++) blurLine(weights, at + i, height, width * channels);
  };
}

/** Tries before a rectangle is given up that does not fit into the picture, as in the paper. */
const TRIES = 100;

export function erase(area: Interval, ratio: Interval, fill: "noise" | "ground", { out, frame }: Workspace): Touch {
  const { height, width, channels, ground = 0 } = frame;
  return (at, random) => {
    for (let i = 0; i < TRIES; i++) {
      const pixels = draw(random, area) * height * width;
      const shape = draw(random, ratio);
      const tall = Math.round(Math.sqrt(pixels * shape));
      const wide = Math.round(Math.sqrt(pixels / shape));
      if (tall > height || wide > width) continue;
      const top = random.integer(height - tall + 1);
      const left = random.integer(width - wide + 1);
      for (let y = top; y < top + tall; y++) {
        const row = at + (y * width + left) * channels;
        for (let k = row; k < row + wide * channels; k++) out[k] = fill === "ground" ? ground : random.integer(256);
      }
      return;
    }
  };
}
