/** Activations as modules, for Sequential and for tables; in a `forward` the functions of the engine do as well. */
import { elu, gelu, leakyRelu, logSoftmax, silu, softmax, softplus } from "../engine/ops/activation.ts";
import { relu, sigmoid, tanh } from "../engine/ops/elementwise.ts";
import type { Tensor } from "../engine/tensor.ts";
import { describeLayer } from "./describe.ts";
import { type Context, Module } from "./module.ts";

/** max(x, 0). */
export class ReLU extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    return relu(x);
  }

  override describe(): string {
    return "ReLU()";
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    return tanh(x);
  }

  override describe(): string {
    return "Tanh()";
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    return sigmoid(x);
  }

  override describe(): string {
    return "Sigmoid()";
  }
}

/** x·sigmoid(x), also called swish. */
export class SiLU extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    return silu(x);
  }

  override describe(): string {
    return "SiLU()";
  }
}

/** ln(1 + eˣ). */
export class Softplus extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    return softplus(x);
  }

  override describe(): string {
    return "Softplus()";
  }
}

/** x above 0, negativeSlope·x below; default slope 0.01. */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }

  override describe(): string {
    return describeLayer("LeakyReLU", [this.negativeSlope]);
  }
}

/** x above 0, α(eˣ − 1) below; default α 1. */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return elu(x, this.alpha);
  }

  override describe(): string {
    return describeLayer("ELU", [this.alpha]);
  }
}

/** x·Φ(x), exactly (the default) or in the tanh form; arXiv 1606.08415. */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(approximate: "none" | "tanh" = "none") {
    super();
    this.approximate = approximate;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return gelu(x, this.approximate);
  }

  override describe(): string {
    return describeLayer("GELU", [], { approximate: this.approximate }, { approximate: "none" });
  }
}

/** eˣ / Σ eˣ along an axis, by default the last. Losses want logits: leave it out of a network that is trained. */
export class Softmax extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return softmax(x, this.axis);
  }

  override describe(): string {
    return describeLayer("Softmax", [], { axis: this.axis }, { axis: -1 });
  }
}

/** ln softmax along an axis, by default the last. */
export class LogSoftmax extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return logSoftmax(x, this.axis);
  }

  override describe(): string {
    return describeLayer("LogSoftmax", [], { axis: this.axis }, { axis: -1 });
  }
}
