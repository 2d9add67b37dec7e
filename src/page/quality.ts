/** Whether a photograph is good enough to rely on what is read in it: how high its writing is in pixels, and how sharp. */
import type { PageWriting } from "./page-writing.ts";

/** Lower characters have too few pixels to be told apart. */
const LEAST_HEIGHT = 9;
/** Edges softer than this part of a character's height close its loops, … */
const SOFTEST_EDGE = 0.35;
/** … if they are wider than those of any sharp picture, which take so many pixels. */
const SHARP_EDGE = 6;

/** What is wrong with a page, in words, with what to do. @param scale pixels of the page by pixels of the picture */
export function problemOf(
  page: PageWriting,
  scale: number,
  regions: readonly { readonly ink?: unknown }[],
): string | undefined {
  const isFound = regions.some(({ ink }) => ink !== undefined);
  const [edge, height] = [edgeWidth(page), page.textHeight];
  if (edge > SHARP_EDGE && (!isFound || edge > SOFTEST_EDGE * height)) {
    return `the photograph is blurred: its edges are ${Math.round(edge / scale)} pixels wide; take it again with a steady hand`;
  }
  if (!isFound) return "no number found: nothing on the page looks like one";
  return height < LEAST_HEIGHT
    ? `the writing is ${Math.round(height / scale)} pixels high: photograph it from nearer, or at a higher resolution`
    : undefined;
}

/**
 * Over how many pixels darkness rises from paper to ink, in the median of all edges, each counted by how dark it is: at an edge
 * ink is half as dark as in its middle, so twice that is divided by the slope.
 */
export function edgeWidth({ darkness, mask, width, height }: PageWriting): number {
  const counts = new Float64Array(256);
  let total = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1, i = y * width + 1; x < width - 1; x++, i++) {
      if (mask[i] === 0 || mask[i - 1] + mask[i + 1] + mask[i - width] + mask[i + width] === 4) continue;
      const [across, down] = [darkness[i + 1] - darkness[i - 1], darkness[i + width] - darkness[i - width]];
      const edge = (2 * darkness[i]) / Math.max(1, Math.hypot(across, down) / 2);
      counts[Math.min(255, Math.round(QUARTERS * edge))] += darkness[i];
      total += darkness[i];
    }
  }
  let sum = 0;
  for (let value = 0; value < 256; value++) {
    sum += counts[value];
    if (sum > total / 2) return value / QUARTERS;
  }
  return 0;
}

/** Widths are counted in quarters of a pixel. */
const QUARTERS = 4;
