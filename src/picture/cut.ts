/** Cuts a rectangle out of a picture of ink. */

/** A rectangle of a picture [height, width]; there is no ink outside of it. Its left and right sides lie inside. */
export function cut(
  data: Float32Array,
  width: number,
  height: number,
  box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
): Float32Array {
  const out = new Float32Array(box.width * box.height);
  for (let y = Math.max(0, -box.top); y < box.height && box.top + y < height; y++) {
    const from = (box.top + y) * width + box.left;
    out.set(data.subarray(from, from + box.width), y * box.width);
  }
  return out;
}
