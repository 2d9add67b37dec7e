/** Black and white pictures: 1 is ink. What the finders of rules and of pieces work on. */

/** Pixels that are 0 or 1, row by row. */
export interface Bitmap {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A picture, of any kind, whose rows and columns have changed places. */
export function transposed({ data, width, height }: Bitmap): Bitmap {
  const out = new Uint8Array(data.length);
  // In squares, so that both sides stay in the cache.
  const side = 32;
  for (let top = 0; top < height; top += side) {
    const bottom = Math.min(height, top + side);
    for (let left = 0; left < width; left += side) {
      const right = Math.min(width, left + side);
      for (let y = top; y < bottom; y++) {
        for (let x = left, from = y * width + left; x < right; x++, from++) out[x * height + y] = data[from];
      }
    }
  }
  return { data: out, width: height, height: width };
}
