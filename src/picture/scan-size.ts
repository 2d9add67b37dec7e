/** What a picture may be, by how many pixels it has: a sample such as MNIST's, one character cut out of a page, or more than that. */

/** From this side on a picture may be a scan: shaded, noisy, with dust. Below it every pixel counts, as in samples of 28 or 32 pixels. */
export const SCAN_SIDE = 36;
/** Below this, a scan shows hardly more than one character: cut out of a page, perhaps with lines and neighbors around it. */
const SMALL_SCAN_SIDE = 64;

export const isScan = (width: number, height: number): boolean => Math.min(width, height) >= SCAN_SIDE;

export const isSmallScan = (width: number, height: number): boolean =>
  isScan(width, height) && Math.min(width, height) < SMALL_SCAN_SIDE;
