/** A reader that needs no training, for tests: it reads upright bars, one "1" for each. And pages with such bars. */
import * as nn from "../../src/api/nn.ts";
import * as ops from "../../src/api/ops.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { encodePng } from "../../src/formats/png.ts";
import { Model } from "../../src/models/model.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { LineInput } from "../../src/task/line-input.ts";
import { Transcribe } from "../../src/task/transcribe/transcribe.ts";

/** Ink all the way up a column makes a frame say "1". */
class Tally extends nn.Module {
  forward(x: Tensor): Tensor {
    const [batch, columns] = x.shape;
    const ink = ops.reshape(ops.mean(ops.mul(ops.cast(x, "float32"), 1 / 255), [2]), [batch, columns, 1]);
    const bar = ops.mul(ops.sub(ink, 0.4), 60);
    return ops.concat([ops.mul(bar, 0), bar], 2);
  }
}

export function tallyReader(): Model<Transcribe> {
  return new Model(new Tally(), { task: new Transcribe(new LineInput(), "1"), seed: 1 });
}

export interface Mark {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Upright bars from a place on. */
export function bars(count: number, left: number, top: number, height = 40): Mark[] {
  return Array.from({ length: count }, (_, i) => ({ left: left + i * 24, top, width: 5, height }));
}

/** The four sides of a box. */
export function box(left: number, top: number, width: number, height: number, pen = 3): Mark[] {
  return [
    { left, top, width, height: pen },
    { left, top: top + height - pen, width, height: pen },
    { left, top, width: pen, height },
    { left: left + width - pen, top, width: pen, height },
  ];
}

/** Dark marks on paper that is a little uneven. */
export function page(width: number, height: number, marks: readonly Mark[]): Picture {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = 232 + ((x * 7 + y * 13) % 5) + Math.round((6 * x) / width);
  }
  for (const mark of marks) {
    for (let y = mark.top; y < mark.top + mark.height; y++)
      data.fill(40, y * width + mark.left, y * width + mark.left + mark.width);
  }
  return { data, width, height, channels: 1 };
}

/** A form with boxes and bars as they would be printed, nowhere the same twice: blank, and with 111 in the first of its two fields. */
export function printedForm(): {
  readonly blank: Picture;
  readonly filled: Picture;
  readonly fields: readonly { readonly name: string; readonly box: readonly number[]; readonly length?: number }[];
} {
  const boxes = Array.from({ length: 16 }, (_, k): [number, number, number, number] => [
    30 + 190 * (k % 4) + ((7 * k) % 19),
    40 + 120 * (k >> 2) + ((11 * k) % 23),
    100 + ((13 * k) % 47),
    50,
  ]);
  const printed = boxes.flatMap((place, k) => [
    ...box(...place),
    ...bars(1 + (k % 3), 40 + 190 * (k % 4) + ((17 * k) % 41), 10 + 120 * (k >> 2), 14 + (k % 5)),
  ]);
  const [first, second] = [boxes[0], boxes[5]];
  return {
    blank: page(820, 540, printed),
    filled: page(820, 540, [...printed, ...bars(3, first[0] + 16, first[1] + 8, 34)]),
    fields: [
      { name: "first", box: first, length: 3 },
      { name: "second", box: second },
    ],
  };
}

/** A page as a PNG file. */
export const pngOf = async ({ width, height, data }: Picture): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await encodePng({ width, height, channels: 1, data: Uint8Array.from(data) }));
