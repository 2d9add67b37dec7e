/** Connected regions of a picture: pieces of ink, patches of even brightness. Used by character.ts and sheet.ts. */

/** Whether regions go on over the sides of pixels alone, or over their corners too. */
type Reach = "sides" | "corners";

/**
 * The pixels of every region.
 * @param areAlike whether a region goes on from one pixel to its neighbor; from a pixel to itself, whether it is in any
 */
export function regionsOf(
  width: number,
  height: number,
  reach: Reach,
  areAlike: (from: number, to: number) => boolean,
): number[][] {
  const regions: number[][] = [];
  const seen = new Uint8Array(width * height);
  for (let seed = 0; seed < seen.length; seed++) {
    if (seen[seed] === 1 || !areAlike(seed, seed)) continue;
    seen[seed] = 1;
    const region = [seed];
    for (const at of region) {
      const x = at % width;
      const y = (at - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (seen[next] === 1 || (reach === "sides" && u !== x && v !== y) || !areAlike(at, next)) continue;
          seen[next] = 1;
          region.push(next);
        }
      }
    }
    regions.push(region);
  }
  return regions;
}

/** A rectangle of pixels; `right` and `bottom` are one past the last. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The smallest box around some pixels. */
export function boxOf(pixels: readonly number[], width: number): Box {
  let [left, top, right, bottom] = [width, Number.POSITIVE_INFINITY, 0, 0];
  for (const at of pixels) {
    const x = at % width;
    const y = (at - x) / width;
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  return { left, top, right, bottom };
}
