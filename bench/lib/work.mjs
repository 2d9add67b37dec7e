/** What a group of ops does: multiplications and additions of its root, and the bytes that it reads and writes. */

const size = (shape) => shape.reduce((product, dim) => product * dim, 1);

/**
 * Multiplications and additions by op. Those of a convolution are counted as in the direct sum, however it is computed:
 * Winograd's method makes fewer, and so may go beyond what the processor allows a direct sum.
 */
const FLOPS = {
  matmul: ({ shape, inputs: [a], attrs }) => 2 * size(shape) * a.shape.at(attrs.transposeA ? -2 : -1),
  conv2d: ({ shape, inputs: [x, w], attrs }) =>
    2 * size(shape) * (x.shape[3] / attrs.groups) * size(w.shape.slice(0, 2)),
  conv2dPanels: ({ shape, inputs: [x], attrs }) => 2 * size(shape) * x.shape[3] * size(attrs.kernel),
  conv2dWinograd: ({ shape, inputs: [x], attrs }) => 2 * size(shape) * x.shape[3] * attrs.size ** 2,
  conv2dWeightGrad: ({ shape, inputs: [, g] }) => 2 * size(g.shape.slice(0, 3)) * size(shape),
  conv2dWeightGradWinograd: ({ shape, inputs: [, g], attrs }) =>
    2 * size(g.shape.slice(0, 3)) * attrs.size ** 2 * size(shape.slice(-2)),
};

const BYTES = { float32: 4, int32: 4, uint8: 1 };
const bytesOf = (tensor) => size(tensor.shape) * BYTES[tensor.dtype];

/** @param group one of a program's profile */
export function workOf({ root, inputs, outputs }) {
  const flops = root === undefined ? 0 : (FLOPS[root.op.name]?.(root) ?? 0);
  const bytes = [...inputs, ...outputs].reduce((total, tensor) => total + bytesOf(tensor), 0);
  return { flops, bytes };
}

/** What is computed, and by which method: `conv2dWinograd·add·relu [64,12,12,64]`. */
export function titleOf({ nodes, shape }) {
  const counts = new Map();
  for (const { op } of nodes) counts.set(op.name, (counts.get(op.name) ?? 0) + 1);
  const ops = [...counts].map(([name, n]) => (n > 1 ? `${name}×${n}` : name)).join("·");
  const shown = ops.length > 44 ? `${ops.slice(0, 43)}…` : ops;
  return `${shown} [${shape}]`;
}
