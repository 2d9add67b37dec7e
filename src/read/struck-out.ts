/** Whether what is written in a crop has been struck out: a stroke runs through all of it, from one side to the other. */
import type { Gray } from "../page/gray.ts";

/** Paper is 255; what is darker is ink. */
const INK = 128;
/** Share of the width of the ink that a stroke through it covers at least. */
const COVERED = 0.85;
/** Slopes of strokes: height by width. */
const STEEPEST = 0.6;
const SLOPES = 25;
/** The middle of a strike lies so far from the edges of writing, in parts of its height; writing of several characters is so wide. */
const MIDDLE = 0.25;
const SEVERAL = 1.3;
/** Writing that is not so many times as high as its strokes are wide is a dash. */
const HIGHER_THAN_DASH = 3;

/**
 * @param crop dark ink on paper that is 255
 * @param through "the middle" of all characters alone, or "anything": a 7 or 2 has such a stroke at its edge
 */
export function isStruckOut({ data, width, height }: Gray, through: "the middle" | "anything"): boolean {
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
  if (across < (through === "the middle" ? SEVERAL : 1) * down) return false;
  const isInMiddle = (y: number): boolean => y > top + MIDDLE * down && y < bottom - MIDDLE * down;
  for (let s = 0; s < SLOPES; s++) {
    const slope = STEEPEST * ((2 * s) / (SLOPES - 1) - 1);
    for (let start = top; start <= bottom; start++) {
      if (through === "the middle" && !isInMiddle(start + (slope * across) / 2)) continue;
      let missed = 0;
      for (let x = left; x <= right && across - missed >= COVERED * across; x++) {
        const y = Math.round(start + slope * (x - left));
        if (y < top || y > bottom || !ink(x, y)) missed++;
      }
      if (across - missed >= COVERED * across) return true;
    }
  }
  return false;
}
