/**
 * Recurrent kernels. A thread takes its samples through all steps, so that no step waits for another thread. Forwards a step
 * multiplies the hidden states [samples, H] with the weight and turns the products into the next states; backwards it first
 * turns the gradients of the states into those of the gates, then multiplies these with the weight. The rows of a step lie
 * in scratch memory, so that products run as other matrix products do. Letters as in ops/recurrent.ts.
 */

import { times } from "../../../lower/pieces.ts";
import { COLUMN_PANEL } from "../../../lower/recurrences.ts";
import type { CellName, RecurrenceAttrs, RecurrenceGradAttrs } from "../../../ops/recurrent.ts";
import { cellSizes } from "../../../ops/recurrent.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  divU,
  eqI,
  type Func,
  type HeldStores,
  type I32,
  i32,
  type Local,
  load,
  load32Splat,
  ltS,
  minS,
  mulI,
  remU,
  splatConst,
  splatI,
  subI,
  type V128,
  v,
  vi,
} from "../assembler.ts";
import { type Isa, polynomial, sigmoid, tanh } from "../math.ts";
import type { Domain, Kernel, RootKernel } from "./kernel.ts";

/** Samples that go through all steps together: each panel of weights is read once a step for all of them. */
const BLOCK = 64;

/** The first states and the lengths among a recurrence's operands. */
export function recurrenceOperands({ inputs, attrs }: Tensor): {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly hidden: Tensor;
  readonly cell: Tensor | undefined;
  readonly lengths: Tensor | undefined;
} {
  const [x, weight, bias, hidden, ...rest] = inputs;
  const { states } = cellSizes((attrs as RecurrenceAttrs).cell);
  return { x, weight, bias, hidden, cell: states > 1 ? rest[0] : undefined, lengths: rest[states - 1] };
}

/** Bytes of a row in scratch memory, to whole vectors. */
const rowBytes = (length: number): number => Math.ceil(length / 4) * 16;

const samplesAtOnce = (B: number): number => Math.min(B, BLOCK);

function samplesDomain({ root }: Kernel["group"]): Domain {
  return { size: (root as Tensor).inputs[0].shape[0], unit: 1 };
}

/** Rows of hidden states, cell states and what the gates get, forwards and backwards alike. */
const scratchOf = (B: number, H: number, cell: CellName): number =>
  samplesAtOnce(B) * (2 * rowBytes(H) + rowBytes(cellSizes(cell).gates * H));

function recurrenceScratch(root: Tensor): number {
  const [B, H] = recurrenceOperands(root).hidden.shape;
  return scratchOf(B, H, (root.attrs as RecurrenceAttrs).cell);
}

function recurrenceGradScratch({ inputs: [, , previous], attrs }: Tensor): number {
  const [B, , H] = previous.shape;
  return scratchOf(B, H, (attrs as RecurrenceGradAttrs).cell);
}

interface States {
  readonly hidden: V128;
  readonly cell: V128;
}

/** A cell's step in code, forwards and backwards; see `CellRule` in ops/recurrent.ts. Values are used several times. */
interface CellCode {
  step(kernel: Kernel, x: readonly V128[], q: readonly V128[], before: States): { after: States; kept: V128[] };
  /** @param previous loads the hidden state before the step */
  back(
    kernel: Kernel,
    d: States,
    kept: readonly V128[],
    previous: () => V128,
  ): { x: V128[]; q: V128[]; before: States };
}

const ONE = splatConst(1);
const ZERO = splatConst(0);

/** Beyond it tanh is 1 in single precision. */
const TANH_BOUND = 7.998811721801758;
/** tanh x = x·P(x²) / Q(x²) with an error of at most 4·10⁻⁷, as in Eigen (`ptanh_float`). */
const TANH_P = [
  -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5,
  6.37261928875436e-4, 4.89352455891786e-3,
];
const TANH_Q = [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3];

/** `scale` · tanh(`scale` · x), for powers of two: half the instructions of a tanh by way of an exponential. */
function scaledTanh(f: Func, m: Isa, x: V128, scale: number): V128 {
  const bound = TANH_BOUND / scale;
  const bounded = f.let(v.pmax(v.pmin(x, splatConst(bound)), splatConst(-bound))); // a NaN stays
  const square = f.let(v.mul(bounded, bounded));
  // Powers of the scale go into the coefficients.
  const inSquare = (coefficients: readonly number[], least: number): V128 =>
    polynomial(
      m,
      square,
      coefficients.map((c, i) => c * scale ** (least + 2 * (coefficients.length - 1 - i))),
    );
  return v.div(v.mul(inSquare(TANH_P, 2), bounded), inSquare(TANH_Q, 0));
}

type Curves = Readonly<Record<"sigmoid" | "tanh", (f: Func, m: Isa, x: V128) => V128>>;

/** The curves of gates where arithmetic is relaxed. */
export const QUICK_CURVES: Curves = {
  sigmoid: (f, m, x) => v.add(splatConst(0.5), scaledTanh(f, m, x, 0.5)), // σ(x) = ½ + ½·tanh(x / 2)
  tanh: (f, m, x) => scaledTanh(f, m, x, 1),
};

/** Strict programs keep the bits that they always had. */
const curves = (m: Isa): Curves => (m.relaxed ? QUICK_CURVES : { sigmoid, tanh });

/** d · y · (1 − y), the slope of a sigmoid. */
const throughSigmoid = (d: V128, y: V128): V128 => v.mul(d, v.mul(y, v.sub(ONE, y)));
/** d · (1 − y²), the slope of tanh. */
const throughTanh = (d: V128, y: V128): V128 => v.mul(d, v.sub(ONE, v.mul(y, y)));

const CELLS: Readonly<Record<CellName, CellCode>> = {
  lstm: {
    step: ({ f, isa }, x, q, { cell }) => {
      const { sigmoid, tanh } = curves(isa);
      const act = (gate: number): Local<"v128"> =>
        f.let((gate === 2 ? tanh : sigmoid)(f, isa, f.let(v.add(x[gate], q[gate]))));
      const [i, forget, g, o] = times(4, act);
      const next = f.let(isa.madd(forget, cell, v.mul(i, g)));
      const hidden = f.let(v.mul(o, tanh(f, isa, next)));
      return { after: { hidden, cell: next }, kept: [i, forget, g, o, cell] };
    },
    back: ({ f, isa }, { hidden, cell }, [i, forget, g, o, before]) => {
      const t = f.let(curves(isa).tanh(f, isa, f.let(isa.madd(forget, before, v.mul(i, g)))));
      const d = f.let(v.add(cell, throughTanh(v.mul(hidden, o), t)));
      const x = [
        throughSigmoid(v.mul(d, g), i),
        throughSigmoid(v.mul(d, before), forget),
        throughTanh(v.mul(d, i), g),
        throughSigmoid(v.mul(hidden, t), o),
      ].map((value) => f.let(value));
      return { x, q: x, before: { hidden: ZERO, cell: f.let(v.mul(d, forget)) } };
    },
  },
  gru: {
    step: ({ f, isa }, x, q, { hidden }) => {
      const { sigmoid, tanh } = curves(isa);
      const [r, z] = [0, 1].map((gate) => f.let(sigmoid(f, isa, f.let(v.add(x[gate], q[gate])))));
      const n = f.let(tanh(f, isa, f.let(isa.madd(r, q[2], x[2]))));
      const next = f.let(v.add(v.mul(v.sub(ONE, z), n), v.mul(z, hidden)));
      return { after: { hidden: next, cell: ZERO }, kept: [r, z, n, q[2]] };
    },
    back: ({ f }, { hidden: d }, [r, z, n, q], previous) => {
      const before = f.let(previous());
      const dn = f.let(throughTanh(v.mul(d, v.sub(ONE, z)), n));
      const dr = f.let(throughSigmoid(v.mul(dn, q), r));
      const dz = f.let(throughSigmoid(v.mul(d, v.sub(before, n)), z));
      return { x: [dr, dz, dn], q: [dr, dz, f.let(v.mul(dn, r))], before: { hidden: f.let(v.mul(d, z)), cell: ZERO } };
    },
  },
};

/** Calls `visit` with byte offsets of up to `most` vectors of a row; of the last one of the row, so many lanes count. */
function overVectors(
  f: Func,
  length: number,
  most: number,
  visit: (offset: I32, vectors: number, lanes: number) => void,
): void {
  const step = most * 4;
  const whole = Math.floor(length / step) * step;
  f.for(0, whole * 4, step * 4, (offset) => visit(offset, most, 4));
  if (whole < length) visit(i32(whole * 4), Math.ceil((length - whole) / 4), ((length - 1) % 4) + 1);
}

/** Calls `tile` with the first of `size` neighboring rows; what is left over makes one smaller tile. */
function overRows(f: Func, count: I32, size: number, tile: (row: I32, rows: number) => void): void {
  const row = f.let(i32(0));
  const limit = f.let(subI(count, size - 1));
  const fits = (): I32 => ltS(row, limit);
  f.if(fits(), () => {
    f.doWhile(() => {
      tile(row, size);
      f.set(row, addI(row, size));
    }, fits);
  });
  const left = f.let(subI(count, row));
  for (let rows = 1; rows < size; rows++) f.if(eqI(left, rows), () => tile(row, rows));
}

/** Rows in scratch memory. */
interface Rows {
  readonly at: I32;
  /** Numbers in each. */
  readonly length: number;
}

/**
 * rows · weight, for `count` rows: tiles of rows × columns that stay in registers.
 * @param weight in panels
 * @param start what the products of a row at `own` are added to, at a column offset: there, or anywhere else
 */
function multiply(
  { f, isa, target }: Kernel,
  count: I32,
  left: Rows,
  weight: I32,
  out: Rows,
  start: (own: I32, column: I32) => { readonly from: I32; readonly apart: number },
): void {
  const [leftRow, outRow] = [rowBytes(left.length), rowBytes(out.length)];
  const panel = COLUMN_PANEL * 4;
  const most = 2 * target.joined;
  overVectors(f, out.length, most, (column, vectors) => {
    const inPanel = addI(mulI(divU(column, panel), left.length * panel), remU(column, panel));
    const first = f.let(addI(weight, inPanel));
    overRows(f, count, Math.floor(target.accumulators / most), (row, rows) => {
      const own = f.let(addI(out.at, addI(mulI(row, outRow), column)));
      const { from, apart } = start(own, column);
      const sums = times(rows, (r) => times(vectors, (k) => f.local("v128", load(from, r * apart + k * 16))));
      const values = f.let(addI(left.at, mulI(row, leftRow)));
      const weights = f.let(first as I32);
      f.for(0, left.length, 1, () => {
        const right = times(vectors, (k) => f.let(load(weights, k * 16)));
        sums.forEach((vector, r) => {
          const value = f.let(load32Splat(values, r * leftRow));
          vector.forEach((sum, k) => {
            f.set(sum, isa.madd(value, right[k], sum));
          });
        });
        f.set(values, addI(values, 4));
        f.set(weights, addI(weights, panel));
      });
      f.together((held) => {
        sums.forEach((vector, r) => {
          vector.forEach((sum, k) => {
            held.store(own, sum, r * outRow + k * 16);
          });
        });
      });
    });
  });
}

/** The parts that a group computes and their addresses, by name. */
function addressesOf<Part extends string>(kernel: Kernel): ReadonlyMap<Part, I32> {
  return new Map(
    kernel.group.outputs.map((node) => [(node.attrs as { readonly part: Part }).part, kernel.pointer(node)]),
  );
}

/** Samples at hand: the first one, and how many there are. */
interface Block {
  readonly first: I32;
  readonly count: I32;
}

/** Blocks of a kernel's samples. */
function overBlocks({ f, begin, end }: Kernel, visit: (block: Block) => void): void {
  f.for(begin, end, BLOCK, (first) => {
    visit({ first, count: f.let(minS(f.let(subI(end, first)), i32(BLOCK))) });
  });
}

/** Copies states [B, H] of a block's samples to rows of scratch memory, or back. */
function copyRows(
  { f }: Kernel,
  { first, count }: Block,
  { at, length }: Rows,
  states: I32,
  direction: "in" | "out",
): void {
  f.for(0, count, 1, (row) => {
    const own = f.let(addI(at, mulI(row, rowBytes(length))));
    const other = f.let(addI(states, mulI(addI(first, row), length * 4)));
    f.copy(direction === "in" ? own : other, direction === "in" ? other : own, i32(length * 4));
  });
}

/** Copies the states in the end to where they are asked for. */
function copyOut(
  kernel: Kernel,
  block: Block,
  rows: Readonly<Record<"hidden" | "cell", Rows>>,
  made: ReadonlyMap<string, I32>,
): void {
  for (const part of ["hidden", "cell"] as const) {
    const address = made.get(part);
    if (address !== undefined) copyRows(kernel, block, rows[part], address, "out");
  }
}

/** Whether step t of a sample counts, as a mask; undefined where all steps of all samples do. */
function maskOf(kernel: Kernel, lengths: Tensor | undefined, sample: I32, t: I32): V128 | undefined {
  if (lengths === undefined) return undefined;
  const length = load32Splat(addI(kernel.pointer(lengths), mulI(sample, 4)));
  return kernel.f.let(vi.gt(length, splatI(t)));
}

const where = (mask: V128 | undefined, a: V128, b: V128): V128 => (mask === undefined ? a : v.bitselect(a, b, mask));
const masked = (mask: V128 | undefined, a: V128): V128 => (mask === undefined ? a : v.and(a, mask));

/** Where some vectors of a sample's step lie: in tensors [B, T, width], and in rows of scratch memory. */
interface Place {
  readonly inTensor: (address: I32, width: number) => Local<"i32">;
  readonly inRows: (rows: Rows) => Local<"i32">;
}

/** Goes through the units of all samples at step t, in neighboring vectors, whose results are stored together. */
function overUnits(
  { f, target }: Kernel,
  { first, count }: Block,
  [T, H]: readonly [T: number, H: number],
  t: I32,
  visit: (sample: I32, place: Place) => (held: HeldStores, further: number, lanes: number) => void,
): void {
  f.for(0, count, 1, (row) => {
    const sample = f.let(addI(first, row));
    const step = f.let(addI(mulI(sample, T), t));
    overVectors(f, H, target.joined, (offset, vectors, lanes) => {
      const compute = visit(sample, {
        inTensor: (address, width) => f.let(addI(address, addI(mulI(step, width * 4), offset))),
        inRows: ({ at, length }) => f.let(addI(at, addI(mulI(row, rowBytes(length)), offset))),
      });
      f.together((held) => {
        for (let k = 0; k < vectors; k++) compute(held, k * 16, k === vectors - 1 ? lanes : 4);
      });
    });
  });
}

function recurrenceKernel(kernel: Kernel): void {
  const { f, root, scratch } = kernel;
  const { cell: cellName, reverse } = root.attrs as RecurrenceAttrs;
  const { gates: G, kept } = cellSizes(cellName);
  const { x, weight, bias, hidden, cell, lengths } = recurrenceOperands(root);
  const [B, T] = x.shape;
  const H = hidden.shape[1];
  const made = addressesOf<RecurrenceAttrs["part"]>(kernel);

  overBlocks(kernel, (block) => {
    const hiddens: Rows = { at: scratch, length: H };
    const cells: Rows = { at: f.let(addI(scratch, samplesAtOnce(B) * rowBytes(H))), length: H };
    const products: Rows = { at: f.let(addI(scratch, 2 * samplesAtOnce(B) * rowBytes(H))), length: G * H };
    copyRows(kernel, block, hiddens, kernel.pointer(hidden), "in");
    if (cell !== undefined) copyRows(kernel, block, cells, kernel.pointer(cell), "in");
    f.for(0, T, 1, (s) => {
      const t = reverse ? f.let(subI(i32(T - 1), s)) : s;
      multiply(kernel, block.count, hiddens, kernel.pointer(weight), products, (_, column) => ({
        from: f.let(addI(kernel.pointer(bias), column)),
        apart: 0,
      }));
      overUnits(kernel, block, [T, H], t, (sample, { inTensor, inRows }) => {
        const mask = maskOf(kernel, lengths, sample, t);
        const [given, product] = [inTensor(kernel.pointer(x), G * H), inRows(products)];
        const [ownHidden, ownCell] = [inRows(hiddens), inRows(cells)];
        const placeOf = (part: RecurrenceAttrs["part"], width: number): I32 | undefined => {
          const address = made.get(part);
          return address && inTensor(address, width);
        };
        const [output, previous, trace] = [placeOf("output", H), placeOf("previous", H), placeOf("trace", kept * H)];
        return (held, further, lanes) => {
          const gates = (from: I32): V128[] => times(G, (gate) => f.let(load(from, gate * H * 4 + further)));
          const before: States = {
            hidden: f.let(load(ownHidden, further)),
            cell: cell === undefined ? ZERO : f.let(load(ownCell, further)),
          };
          const { after, kept: numbers } = CELLS[cellName].step(kernel, gates(given), gates(product), before);
          held.store(ownHidden, where(mask, after.hidden, before.hidden), further);
          if (cell !== undefined) held.store(ownCell, where(mask, after.cell, before.cell), further);
          if (output !== undefined) held.storeLanes(output, masked(mask, after.hidden), lanes, further);
          if (previous !== undefined) held.storeLanes(previous, before.hidden, lanes, further);
          if (trace === undefined) return;
          for (const [i, value] of numbers.entries()) held.storeLanes(trace, value, lanes, i * H * 4 + further);
        };
      });
    });
    copyOut(kernel, block, { hidden: hiddens, cell: cells }, made);
  });
}

function recurrenceGradKernel(kernel: Kernel): void {
  const { f, root, scratch } = kernel;
  const { cell: cellName, reverse, of } = root.attrs as RecurrenceGradAttrs;
  const { gates: G, kept, states } = cellSizes(cellName);
  const [g, trace, previous, weight, lengths] = root.inputs;
  const [B, T, H] = previous.shape;
  const made = addressesOf<RecurrenceGradAttrs["part"]>(kernel);

  overBlocks(kernel, (block) => {
    const bytes = samplesAtOnce(B) * rowBytes(H);
    const hiddens: Rows = { at: scratch, length: H };
    const cells: Rows = { at: f.let(addI(scratch, bytes)), length: H };
    const products: Rows = { at: f.let(addI(scratch, 2 * bytes)), length: G * H };
    f.zero(scratch, i32(2 * bytes));
    if (of !== "output") copyRows(kernel, block, of === "hidden" ? hiddens : cells, kernel.pointer(g), "in");

    /** From the gradients of the states after step t to those of its gates, and to those of the states before it. */
    const throughCells = (t: I32): void => {
      overUnits(kernel, block, [T, H], t, (sample, { inTensor, inRows }) => {
        const mask = maskOf(kernel, lengths, sample, t);
        const given = of === "output" ? inTensor(kernel.pointer(g), H) : undefined;
        const [before, numbers] = [inTensor(kernel.pointer(previous), H), inTensor(kernel.pointer(trace), kept * H)];
        const [ownHidden, ownCell, gates] = [inRows(hiddens), inRows(cells), inRows(products)];
        const placeOf = (part: RecurrenceGradAttrs["part"]): I32 | undefined => {
          const address = made.get(part);
          return address && inTensor(address, G * H);
        };
        const [input, recurrent] = [placeOf("input"), placeOf("recurrent")];
        return (held, further, lanes) => {
          const after: States = { hidden: f.let(load(ownHidden, further)), cell: f.let(load(ownCell, further)) };
          const hidden = given === undefined ? after.hidden : f.let(v.add(after.hidden, load(given, further)));
          const known = times(kept, (i) => f.let(load(numbers, i * H * 4 + further)));
          const made = CELLS[cellName].back(kernel, { ...after, hidden }, known, () => load(before, further));
          held.store(ownHidden, where(mask, made.before.hidden, after.hidden), further);
          if (states > 1) held.store(ownCell, where(mask, made.before.cell, after.cell), further);
          for (let gate = 0; gate < G; gate++) {
            const at = gate * H * 4 + further;
            const q = f.let(masked(mask, made.q[gate]));
            held.storeLanes(gates, q, lanes, at);
            if (recurrent !== undefined) held.storeLanes(recurrent, q, lanes, at);
            if (input !== undefined) held.storeLanes(input, masked(mask, made.x[gate]), lanes, at);
          }
        };
      });
    };

    // Before the first step nobody needs the gradient of the hidden state, unless it is asked for.
    const steps = made.has("hidden") ? T : T - 1;
    const stepAt = (s: I32): I32 => (reverse ? s : f.let(subI(i32(T - 1), s)));
    f.for(0, steps, 1, (s) => {
      throughCells(stepAt(s));
      multiply(kernel, block.count, products, kernel.pointer(weight), hiddens, (own) => ({
        from: own,
        apart: rowBytes(H),
      }));
    });
    if (steps < T) throughCells(stepAt(i32(steps)));
    copyOut(kernel, block, { hidden: hiddens, cell: cells }, made);
  });
}

export const recurrenceRoot: RootKernel = {
  domain: samplesDomain,
  emit: recurrenceKernel,
  rides: "none",
  twin: "recurrencePanels",
  scratch: recurrenceScratch,
};
export const recurrenceGradRoot: RootKernel = {
  domain: samplesDomain,
  emit: recurrenceGradKernel,
  rides: "none",
  twin: "recurrenceGradPanels",
  scratch: recurrenceGradScratch,
};
