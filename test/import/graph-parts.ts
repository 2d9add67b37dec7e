/** Pieces of ONNX graphs that tests put together: nodes, attributes, and tensors with numbers that look random. */
import type { OnnxAttribute, OnnxNode } from "../../src/formats/onnx.ts";
import type { StoredTensor } from "../../src/formats/tensor-data.ts";

export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (...value: number[]): OnnxAttribute => ({ kind: "ints", value });
export const float = (value: number): OnnxAttribute => ({ kind: "float", value });
export const text = (value: string): OnnxAttribute => ({ kind: "string", value });

export const numbers = (shape: readonly number[], seed = 1): StoredTensor => {
  const length = shape.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length }, (_, i) => ((((i + seed) * 37) % 29) + 1) / 20);
  return { dtype: "F32", shape, data };
};
export const int64 = (...values: number[]): StoredTensor => ({
  dtype: "I64",
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});
export const scalar = (value: number): StoredTensor => ({ dtype: "F32", shape: [], data: Float32Array.of(value) });
export const index = (value: number): StoredTensor => ({
  dtype: "I64",
  shape: [],
  data: BigInt64Array.of(BigInt(value)),
});

/** A node by its operator, the names of its inputs and output, and attributes. */
export const node = (
  op: string,
  inputs: string,
  output: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): OnnxNode => ({
  name: `${op}/${output}`,
  op,
  domain: "",
  inputs: inputs.split(" ").map((name) => (name === "_" ? "" : name)),
  outputs: output.split(" "),
  attributes,
});
