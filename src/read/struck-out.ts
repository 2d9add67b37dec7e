/** Whether what is written in a crop has been struck out: a stroke runs through all of it, from one side to the other. */
import type { Gray } from "../page/gray.ts";

/** Paper is 255; what is darker is ink. */
const INK = 128;
/** Share of the width of the ink that a stroke through it covers at least. */
const COVERED = 0.85;
/** Slopes of strokes: height by width. */
const STEEPEST = 0.6;
const SLOPES = 25;
/** Writing that is not so many times as high as its strokes are wide is a dash. */
const HIGHER_THAN_DASH = 3;

/** @param crop dark ink on paper that is 255 */
export function isStruckOut({ data, width, height }: Gray): boolean {
  const ink = (x: number, y: number): boolean => x >= 0 && x < width && data[y * width + x] < INK;
  let [left, top, right, bottom, area, outline] = [width, height, -1, -1, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!ink(x, y)) continue;
      area++;
      outline += 4 - [ink(x - 1, y), ink(x + 1, y), ink(x, y - 1), ink(x, y + 1)].filter(Boolean).length;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  const [across, down] = [right - left + 1, bottom - top + 1];
  if (area === 0 || down < HIGHER_THAN_DASH * ((2 * area) / outline)) return false;
  if (across < down) return false;
  for (let s = 0; s < SLOPES; s++) {
    const slope = STEEPEST * ((2 * s) / (SLOPES - 1) - 1);
    for (let start = top; start <= bottom; start++) {
      let covered = 0;
      for (let x = left; x <= right; x++) {
        const y = Math.round(start + slope * (x - left));
        if (y >= top && y <= bottom && ink(x, y)) covered++;
      }
      if (covered >= COVERED * across) return true;
    }
  }
  return false;
}
