/**
 * JavaScript for groups of ops: each becomes one function of the arrays that it touches. Elementwise groups are nests of
 * loops over joined axes; roots with an entry here are loops whose results go through the elementwise ops that ride on them
 * before they are stored; the other ops run by their plain loops.
 */
import { PANEL, type PanelConvAttrs } from "../../src/engine/lower/convolutions.ts";
import { groupTensors } from "../../src/engine/lower/keys.ts";
import { joinedAxes, loopsOver, reductionRuns } from "../../src/engine/lower/loops.ts";
import type { LoweredName } from "../../src/engine/lower/lowered-ops.ts";
import type { Rides } from "../../src/engine/lower/rides.ts";
import type { ConvAttrs } from "../../src/engine/ops/conv.ts";
import type { CastAttrs, ElementwiseOp } from "../../src/engine/ops/elementwise.ts";
import type { PrimitiveName } from "../../src/engine/ops/index.ts";
import { type MatmulAttrs, matmulDims } from "../../src/engine/ops/matmul.ts";
import { type GridAttrs, gridStrides, type PermuteAttrs } from "../../src/engine/ops/movement.ts";
import type { ReduceAttrs } from "../../src/engine/ops/reduce.ts";
import type { Group } from "../../src/engine/passes/fuse.ts";
import { scalarOf } from "../../src/engine/passes/simplify.ts";
import { isElementwise, storageOf } from "../../src/engine/passes/storage.ts";
import { alignment, broadcastStrides, sizeOf, stridesOf } from "../../src/engine/shape.ts";
import type { Tensor } from "../../src/engine/tensor.ts";

/** Takes a result and the places of it: in the output, and along the last axis. */
type Finish = (value: string, at: string, channel: string) => string;

interface Root {
  readonly rides: Rides;
  readonly source: (root: Tensor, array: (tensor: Tensor) => string, finish: Finish) => string;
}

const compare =
  (sign: string) =>
  (a: string, b: string): string =>
    `(${a} ${sign} ${b} ? 1 : 0)`;

/** Elementwise ops that JavaScript has an expression for; others are called by their scalar functions, `f`. */
const EXPRESSIONS: Readonly<Record<string, (...x: string[]) => string>> = {
  neg: (x) => `-${x}`,
  abs: (x) => `Math.abs(${x})`,
  exp: (x) => `Math.exp(${x})`,
  log: (x) => `Math.log(${x})`,
  sqrt: (x) => `Math.sqrt(${x})`,
  tanh: (x) => `Math.tanh(${x})`,
  relu: (x) => `Math.max(${x}, 0)`,
  detach: (x) => x,
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  pow: (a, b) => `${a} ** ${b}`,
  maximum: (a, b) => `Math.max(${a}, ${b})`,
  minimum: (a, b) => `Math.min(${a}, ${b})`,
  eq: compare("==="),
  ne: compare("!=="),
  lt: compare("<"),
  le: compare("<="),
  gt: compare(">"),
  ge: compare(">="),
  where: (condition, a, b) => `(${condition} !== 0 ? ${a} : ${b})`,
};

/** Nested loops; `body` gets the counters. */
function nest(lengths: readonly (number | string)[], body: (...counters: string[]) => string): string {
  const depth = ++nested;
  const counters = lengths.map((_, axis) => `i${depth}_${axis}`);
  const heads = lengths.map(
    (length, axis) => `for (let ${counters[axis]} = 0; ${counters[axis]} < ${length}; ${counters[axis]}++)`,
  );
  return `${heads.join(" ")} {\n${body(...counters)}\n}`;
}
/** So that no two nests share a counter. */
let nested = 0;

const dot = (counters: readonly string[], strides: readonly number[], from = 0): string =>
  [String(from), ...counters.map((counter, axis) => `${counter} * ${strides[axis]}`)].join(" + ");

/** A copy from a grid of places. */
const copy = (grid: (root: Tensor) => { readonly offset: number; readonly strides: readonly number[] }): Root => ({
  rides: "dense",
  source: (root, array, finish) => {
    const { offset, strides } = grid(root);
    const axes = joinedAxes(root.shape, strides, stridesOf(root.shape));
    return nest(
      axes.map(({ length }) => length),
      (...i) => {
        const from = dot(
          i,
          axes.map((axis) => axis.from),
          offset,
        );
        return finish(
          `${array(root.inputs[0])}[${from}]`,
          dot(
            i,
            axes.map((axis) => axis.to),
          ),
          "0",
        );
      },
    );
  },
});

const reduction = (start: string, step: (total: string, x: string) => string): Root => ({
  rides: "dense",
  source: (root, array, finish) => {
    const [x] = root.inputs;
    const runs = reductionRuns(x.shape, (root.attrs as ReduceAttrs).axes, false);
    const [kept, reduced] = [true, false].map((which) => runs.filter((run) => run.kept === which));
    const lengths = (list: typeof runs): number[] => list.map(({ length }) => length);
    const strides = (list: typeof runs): number[] => list.map(({ stride }) => stride);
    return nest(lengths(kept), (...i) => {
      const sum = nest(lengths(reduced), (...j) => {
        const at = `${dot(i, strides(kept))} + ${dot(j, strides(reduced))}`;
        return `total = ${step("total", `${array(x)}[${at}]`)};`;
      });
      return `let total = ${start};\n${sum}\n${finish("total", dot(i, stridesOf(lengths(kept))), "0")}`;
    });
  },
});

/** A direct convolution; `weight` gives the place of a weight. */
const convolution = (
  kernelOf: (root: Tensor) => readonly number[],
  weight: (tap: string, channel: string, o: string, depth: number, taps: number, O: number) => string,
): Root => ({
  rides: "all",
  source: (root, array, finish) => {
    const [x, w] = root.inputs;
    const { stride, padding, dilation, groups } = root.attrs as ConvAttrs;
    const [, H, W, C] = x.shape;
    const [N, P, Q, O] = root.shape;
    const [R, S] = kernelOf(root);
    const depth = C / groups;
    return nest([N, P, Q, O], (n, p, q, o) => {
      const sum = nest([R, S], (r, s) => {
        const h = `${p} * ${stride[0]} + ${r} * ${dilation[0]} - ${padding[0]}`;
        const v = `${q} * ${stride[1]} + ${s} * ${dilation[1]} - ${padding[2]}`;
        const add = nest([depth], (c) => {
          const at = `((${n} * ${H} + h) * ${W} + v) * ${C} + first + ${c}`;
          const tap = weight(`(${r} * ${S} + ${s})`, c, o, depth, R * S, O);
          return `total += ${array(x)}[${at}] * ${array(w)}[${tap}];`;
        });
        return `const h = ${h}, v = ${v};\nif (h < 0 || h >= ${H} || v < 0 || v >= ${W}) continue;\n${add}`;
      });
      const first = `Math.floor(${o} / ${O / groups}) * ${depth}`;
      return `let total = 0; const first = ${first};\n${sum}\n${finish("total", dot([n, p, q, o], stridesOf(root.shape)), o)}`;
    });
  },
});

const product: Root = {
  rides: "all",
  source: (root, array, finish) => {
    const [a, b] = root.inputs;
    const attrs = root.attrs as MatmulAttrs;
    const { L, M, K, N } = matmulDims(a, b, attrs);
    const leading = ({ shape }: Tensor): number[] =>
      broadcastStrides(shape.slice(0, -2), L).map((stride) => stride * sizeOf(shape.slice(-2)));
    const forA = attrs.transposeA ? [1, M] : [K, 1];
    const forB = attrs.transposeB ? [1, K] : [N, 1];
    return nest([...L, M, N], (...i) => {
      const [l, m, n] = [i.slice(0, -2), i[L.length], i[L.length + 1]];
      const sum = nest([K], (k) => {
        const [left, right] = [
          dot([...l, m, k], [...leading(a), ...forA]),
          dot([...l, k, n], [...leading(b), ...forB]),
        ];
        return `total += ${array(a)}[${left}] * ${array(b)}[${right}];`;
      });
      return `let total = 0;\n${sum}\n${finish("total", dot(i, stridesOf([...L, M, N])), n)}`;
    });
  },
};

export const ridesOn = (root: Tensor): Rides => ROOTS[root.op.name as PrimitiveName]?.rides ?? "none";

/** The function of a group, `(arrays, scalars)`; undefined where the root's plain loops do it. */
export function sourceOf(group: Group): string | undefined {
  const { root, nodes, inputs, outputs, shape } = group;
  const arrays = groupTensors(group);
  const array = (tensor: Tensor): string => `a[${arrays.indexOf(storageOf(tensor))}]`;
  const name = (node: Tensor): string => `n${nodes.indexOf(node)}`;
  /** All elementwise nodes, then what is stored at `at`. */
  const chain = (read: (operand: Tensor) => string, at: string): string => {
    const operand = (tensor: Tensor): string => {
      if (nodes.includes(tensor)) return name(tensor);
      const number = scalarOf(tensor);
      return number === undefined ? read(tensor) : `(${number})`;
    };
    const steps = nodes.filter(isElementwise).map((node) => {
      const x = node.inputs.map(operand);
      const value = EXPRESSIONS[node.op.name]?.(...x) ?? `f[${nodes.indexOf(node)}](${x})`;
      return `const ${name(node)} = ${value};`;
    });
    return [...steps, ...outputs.map((output) => `${array(output)}[${at}] = ${name(output)};`)].join("\n");
  };
  if (root === undefined) {
    const loops = loopsOver(shape, inputs, false);
    return nest(
      loops.map(({ length }) => length),
      (...i) =>
        chain(
          (operand) =>
            `${array(operand)}[${dot(
              i,
              loops.map(({ strides }) => strides[inputs.indexOf(operand)]),
            )}]`,
          dot(
            i,
            loops.map(({ dense }) => dense),
          ),
        ),
    );
  }
  return ROOTS[root.op.name as PrimitiveName]?.source(root, array, (value, at, channel) => {
    const places = { same: "at", vector: channel, scalar: "0", other: "at" };
    const read = (operand: Tensor): string => `${array(operand)}[${places[alignment(operand.shape, shape)]}]`;
    return `{ const at = ${at}; const ${name(root)} = ${value};\n${chain(read, "at")} }`;
  });
}

/** The scalar functions that a group's source may call, by node. */
export const scalarsOf = ({ nodes }: Group): (((...x: number[]) => number) | undefined)[] =>
  nodes.map(({ op, attrs }) => (op as unknown as Partial<ElementwiseOp<CastAttrs>>).scalar?.(attrs as CastAttrs));

/** Ops that loops are written for. */
const ROOTS: Readonly<Partial<Record<PrimitiveName | LoweredName, Root>>> = {
  sum: reduction("0", (total, x) => `${total} + ${x}`),
  max: reduction("-Infinity", (total, x) => `Math.max(${total}, ${x})`),
  permute: copy(({ inputs: [x], attrs }) => ({
    offset: 0,
    strides: (attrs as PermuteAttrs).order.map((axis) => stridesOf(x.shape)[axis]),
  })),
  expand: copy(({ inputs: [x], shape }) => ({ offset: 0, strides: broadcastStrides(x.shape, shape) })),
  slice: copy(({ inputs: [x], attrs }) => gridStrides(x.shape, attrs as GridAttrs)),
  matmul: product,
  conv2d: convolution(
    ({ inputs: [, w] }) => w.shape,
    (tap, c, o, depth, _, O) => `(${tap} * ${depth} + ${c}) * ${O} + ${o}`,
  ),
  conv2dPanels: convolution(
    ({ attrs }) => (attrs as PanelConvAttrs).kernel,
    (tap, c, o, depth, taps) =>
      `(Math.floor(${o} / ${PANEL}) * ${taps * depth} + ${tap} * ${depth} + ${c}) * ${PANEL} + ${o} % ${PANEL}`,
  ),
};
