/**
 * Reverse-mode differentiation: walks a traced graph once, from the loss back, and applies each op's gradient rule. The
 * result is more graph, so gradients run on every backend and are optimized with the forward pass.
 */
import { ShapeError } from "./errors.ts";
import { constant } from "./ops/constant.ts";
import { add } from "./ops/elementwise.ts";
import { sumToShape } from "./ops/reduce.ts";
import { cropUnread } from "./passes/crop.ts";
import { expandComposites } from "./passes/expand.ts";
import { formatShape, sameShape } from "./shape.ts";
import { isComposite, type Op, type Tensor } from "./tensor.ts";
import { topologicalOrder } from "./trace.ts";

/**
 * Gradients of a scalar with respect to `wanted`.
 * @returns one tensor each, with the shape of what it belongs to; zeros where the loss does not depend on it
 * @throws ShapeError when the loss is not a scalar, or an op on the way has no gradient
 */
export function gradients(loss: Tensor, wanted: readonly Tensor[]): Tensor[] {
  if (loss.size !== 1 || loss.dtype !== "float32") {
    throw new ShapeError(
      `gradients: the loss is ${loss.dtype} ${formatShape(loss.shape)} but must be one float32 number; take its mean`,
    );
  }
  // Composites with a rule of their own stay whole; the others are differentiated through their bodies.
  // What is wanted may lie behind a composite: it is followed through the expansion.
  const expanded = expandComposites([loss, ...wanted], (op) => op.gradient === undefined);
  // What is no leaf might be cropped, and would then have the gradient of a part of itself.
  const [root, ...followed] = wanted.every(({ inputs }) => inputs.length === 0) ? cropUnread(expanded) : expanded;
  const order = topologicalOrder([root]);
  const targets = new Set(followed);
  const onPath = new Set<Tensor>();
  for (const tensor of order) {
    if (targets.has(tensor) || tensor.inputs.some((input) => onPath.has(input))) onPath.add(tensor);
  }

  const grads = new Map<Tensor, Tensor>([[root, constant(1, "float32", root.shape)]]);
  for (const tensor of order.reverse()) {
    const grad = grads.get(tensor);
    if (grad === undefined || !onPath.has(tensor) || tensor.inputs.length === 0) continue;
    const rule = gradientRule(tensor.op);
    if (rule === null) continue; // comparisons, detach: no gradient flows through
    const inputGrads = rule(grad, { inputs: tensor.inputs, output: tensor, attrs: tensor.attrs as never });
    tensor.inputs.forEach((input, i) => {
      const part = inputGrads[i];
      if (part === undefined || !onPath.has(input)) return;
      const fitted = sameShape(part.shape, input.shape) ? part : sumToShape(part, input.shape);
      const sofar = grads.get(input);
      grads.set(input, sofar === undefined ? fitted : add(sofar, fitted));
    });
  }
  return followed.map((tensor) => grads.get(tensor) ?? constant(0, "float32", tensor.shape));
}

function gradientRule(op: Op<never>): Exclude<Op<never>["gradient"], undefined> {
  if (op.gradient !== undefined) return op.gradient;
  throw new ShapeError(`gradients: ${op.name} should have been expanded${isComposite(op) ? "" : " and has no rule"}`);
}
