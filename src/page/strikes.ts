/**
 * Strokes with which writing was struck out, told from rules of the paper: a rule runs below writing, or goes on beyond it; a strike runs
 * through its middle and ends near where it ends. What is struck out stays so, or it would be read as if it were not.
 */
import type { Piece } from "./pieces.ts";
import { middleAt, type Track } from "./tracks.ts";

/** The middle of a piece lies between these parts of its height. */
const MIDDLE = { top: 0.2, bottom: 0.8 };
/** Of the height of writing: how high a piece is at least; how long a strike runs through nothing, in gaps and beyond writing, at most. */
const HIGH = 0.5;
const FREE = 1.5;

/** @param pieces of the ink without lines, from the left  @param textHeight in pixels */
export function isStrike(track: Track, pieces: readonly Piece[], textHeight: number): boolean {
  const struck = pieces.filter(({ left, top, right, bottom }) => {
    const x = (left + right) / 2;
    const height = bottom - top;
    if (x < track.start || x > track.end || height < HIGH * textHeight) return false;
    const part = (middleAt(track, x) - top) / height;
    return part > MIDDLE.top && part < MIDDLE.bottom;
  });
  if (struck.length === 0) return false;
  let end = track.start;
  for (const { left, right } of struck) {
    if (left - end > FREE * textHeight) return false;
    end = Math.max(end, right);
  }
  return track.end - end <= FREE * textHeight;
}
