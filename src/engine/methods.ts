/**
 * Ops as methods of tensors: `x.mul(2).relu()`. Ops are made of tensors, so a tensor cannot be made of ops; its methods are
 * put in place here, once tracing (trace.ts), which every graph begins with, is loaded.
 */
import * as elementwise from "./ops/elementwise.ts";
import { matmul } from "./ops/matmul.ts";
import { permute, reshape } from "./ops/movement.ts";
import * as reduce from "./ops/reduce.ts";
import { Tensor } from "./tensor.ts";

/** The members of a tensor that give another one. */
type Methods = {
  [K in keyof Tensor as Tensor[K] extends (...args: never[]) => Tensor ? K : never]: Tensor[K];
};

const METHODS: Methods & ThisType<Tensor> = {
  add(other) {
    return elementwise.add(this, other);
  },
  sub(other) {
    return elementwise.sub(this, other);
  },
  mul(other) {
    return elementwise.mul(this, other);
  },
  div(other) {
    return elementwise.div(this, other);
  },
  pow(other) {
    return elementwise.pow(this, other);
  },
  neg() {
    return elementwise.neg(this);
  },
  exp() {
    return elementwise.exp(this);
  },
  log() {
    return elementwise.log(this);
  },
  sqrt() {
    return elementwise.sqrt(this);
  },
  abs() {
    return elementwise.abs(this);
  },
  relu() {
    return elementwise.relu(this);
  },
  cast(dtype) {
    return elementwise.cast(this, dtype);
  },
  sum(axes, keepDims) {
    return reduce.sum(this, axes, keepDims);
  },
  mean(axes, keepDims) {
    return reduce.mean(this, axes, keepDims);
  },
  max(axes, keepDims) {
    return reduce.max(this, axes, keepDims);
  },
  reshape(shape) {
    return reshape(this, shape);
  },
  permute(order) {
    return permute(this, order);
  },
  matmul(other) {
    return matmul(this, other);
  },
};

/** Gives all tensors, made before or later, their methods. */
export function addMethods(): void {
  Object.assign(Tensor.prototype, METHODS);
}
