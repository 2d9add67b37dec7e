/**
 * Lowered recurrences: what legalize.ts makes of a graph's loops over time, for kernels that want the weight in panels of
 * columns, in the order in which they read it. As in convolutions.ts, each is an op of its own, with plain loops as its
 * specification.
 */
import { pad, permute, reshape } from "../ops/movement.ts";
import {
  type RecurrenceAttrs,
  type RecurrenceGradAttrs,
  recurrenceGradOp,
  recurrenceGradReference,
  recurrenceOp,
  recurrenceReference,
} from "../ops/recurrent.ts";
import { apply, type NdArray, type Primitive, type Reference, type Tensor } from "../tensor.ts";

/** Columns of a panel: a matrix [depth, columns] is kept as [columns / COLUMN_PANEL, depth, COLUMN_PANEL], with zeros behind. */
export const COLUMN_PANEL = 16;

/** `recurrence` with its weight [G·H, H] turned, [H, G·H], and in panels. */
export const recurrencePanelsOp: Primitive<RecurrenceAttrs> = {
  ...recurrenceOp,
  name: "recurrencePanels",
  gradient: null,
};

export const recurrencePanelsReference: Reference<RecurrenceAttrs> = ([x, weight, bias, ...rest], output, attrs) => {
  const H = rest[0].shape[1];
  const turned = fromPanels(weight, x.shape[2]); // [H, G·H]
  const data = Float64Array.from(turned, (_, i) => turned[(i % H) * x.shape[2] + Math.floor(i / H)]);
  recurrenceReference([x, { shape: [x.shape[2], H], data }, bias, ...rest], output, attrs);
};

/** `recurrenceGrad` with its weight [G·H, H] in panels. */
export const recurrenceGradPanelsOp: Primitive<RecurrenceGradAttrs> = {
  ...recurrenceGradOp,
  name: "recurrenceGradPanels",
};

export const recurrenceGradPanelsReference: Reference<RecurrenceGradAttrs> = (
  [g, trace, previous, weight, ...lengths],
  output,
  attrs,
) => {
  const H = previous.shape[2];
  const plain: NdArray = { shape: [weight.shape[1], H], data: fromPanels(weight, H) };
  recurrenceGradReference([g, trace, previous, plain, ...lengths], output, attrs);
};

/** [panels, depth, COLUMN_PANEL] → [depth, columns]. */
function fromPanels({ shape: [, depth], data }: NdArray, columns: number): Float64Array {
  return Float64Array.from({ length: depth * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return data[(Math.floor(column / COLUMN_PANEL) * depth + row) * COLUMN_PANEL + (column % COLUMN_PANEL)];
  });
}

/** x with zeros behind an axis, up to a multiple of a number. */
function padToMultiple(x: Tensor, axis: number, of: number): Tensor {
  const missing = (of - (x.shape[axis] % of)) % of;
  if (missing === 0) return x;
  return pad(
    x,
    x.shape.map((_, a) => [0, a === axis ? missing : 0]),
  );
}

/** A matrix that recurrent kernels multiply with, [depth, columns], as [columns / COLUMN_PANEL, depth, COLUMN_PANEL]. */
function inColumnPanels(w: Tensor): Tensor {
  const columns = padToMultiple(w, 1, COLUMN_PANEL);
  const [depth, width] = columns.shape;
  return permute(reshape(columns, [depth, width / COLUMN_PANEL, COLUMN_PANEL]), [1, 0, 2]);
}

/** The same of a matrix that is read turned: [columns, depth]. */
function inRowPanels(w: Tensor): Tensor {
  const rows = padToMultiple(w, 0, COLUMN_PANEL);
  const [width, depth] = rows.shape;
  return permute(reshape(rows, [width / COLUMN_PANEL, COLUMN_PANEL, depth]), [0, 2, 1]);
}

/** The rule of `recurrence`. */
export function lowerRecurrence(tensor: Tensor): Tensor {
  const [x, weight, ...rest] = tensor.inputs;
  return apply(recurrencePanelsOp, [x, inRowPanels(weight), ...rest], tensor.attrs as RecurrenceAttrs);
}

/** The rule of `recurrenceGrad`. */
export function lowerRecurrenceGrad(tensor: Tensor): Tensor {
  const [g, trace, previous, weight, ...lengths] = tensor.inputs;
  const inputs = [g, trace, previous, inColumnPanels(weight), ...lengths];
  return apply(recurrenceGradPanelsOp, inputs, tensor.attrs as RecurrenceGradAttrs);
}
