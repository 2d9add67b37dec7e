/** What a network is made of: one row per layer that a forward pass calls, found by tracing it with a batch of one. */
import type { DType } from "../engine/dtype.ts";
import { UsageError } from "../engine/errors.ts";
import { input } from "../engine/ops/constant.ts";
import { multiplyAddsOf } from "../engine/passes/cost.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { topologicalOrder } from "../engine/trace.ts";
import { inferenceContext } from "./context.ts";
import type { AnyParameter, Context, Module } from "./module.ts";
import { observeCalls } from "./observe.ts";

export interface SummaryRow {
  /** Dotted name, as in weight files. */
  readonly name: string;
  readonly description: string;
  /** Without the batch axis. */
  readonly outputShape: Shape;
  /** Numbers that the layer holds; 0 where it was called before, further up. */
  readonly parameters: number;
  /** Multiplications with an addition, per sample, in convolutions and matrix products. */
  readonly multiplyAdds: number;
}

export interface Summary {
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly rows: readonly SummaryRow[];
  /** Numbers in all parameters, running statistics included. */
  readonly parameters: number;
  /** Those that training changes by gradient. */
  readonly trainable: number;
  /** Per sample; also counts what the network computes outside of its layers. */
  readonly multiplyAdds: number;
}

/**
 * Summarizes a network for inputs of `inputShape` (without the batch axis: [height, width, channels]).
 * @throws ShapeError with the layer's name where the network does not fit the input
 */
export function summary(network: Module, inputShape: Shape, inputType: DType = "float32"): Summary {
  if (!inputShape.every((dim) => Number.isInteger(dim) && dim > 0)) {
    throw new UsageError(`summary: ${formatShape(inputShape)} is no input shape; give it without the batch axis`);
  }
  return summarize(network, input({ name: "input", shape: [1, ...inputShape], dtype: inputType, batched: true }));
}

/** As {@link summary}, for inputs that are there. @param x one sample  @param others what the network reads beside it, by name */
export function summarize(network: Module, x: Tensor, others: Context["inputs"] = {}): Summary {
  const inputShape = x.shape.slice(1);
  const rows: SummaryRow[] = [];
  const counted = new Set<AnyParameter>();
  const y = observeCalls(
    network,
    ({ name, module, input: from, output }) => {
      // Layers only: a module with others inside is the sum of them. A network that is one layer has no name.
      if (module.children().next().done !== true) return;
      const before = new Set(topologicalOrder([from]));
      const own = topologicalOrder([output]).filter((tensor) => !before.has(tensor));
      rows.push({
        name,
        description: module.describe(),
        outputShape: output.shape.slice(1),
        parameters: countNew(module, counted),
        multiplyAdds: total(own, multiplyAddsOf),
      });
    },
    () => network.forward(x, { ...inferenceContext(), inputs: others }),
  );
  const parameters = new Set([...network.namedParameters()].map(([, parameter]) => parameter));
  return {
    inputShape,
    outputShape: y.shape.slice(1),
    rows,
    parameters: total([...parameters], (parameter) => parameter.size),
    trainable: total(network.trainable(), (parameter) => parameter.size),
    multiplyAdds: total(topologicalOrder([y]), multiplyAddsOf),
  };
}

function total<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((sum, item) => sum + amount(item), 0);
}

function countNew(module: Module, counted: Set<AnyParameter>): number {
  let count = 0;
  for (const [, parameter] of module.namedParameters()) {
    if (!counted.has(parameter)) count += parameter.size;
    counted.add(parameter);
  }
  return count;
}

/** A summary as a table, one layer a line, totals below. */
export function formatSummary(table: Summary): string {
  const count = (n: number): string => n.toLocaleString("en-US");
  const lines = [
    ["layer", "", "output", "parameters", "multiply-adds"],
    ...table.rows.map((row) => [
      row.name,
      row.description,
      row.outputShape.join("×") || "1",
      row.parameters === 0 ? "" : count(row.parameters),
      row.multiplyAdds === 0 ? "" : count(row.multiplyAdds),
    ]),
    ["total", "", "", count(table.parameters), count(table.multiplyAdds)],
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
  const numeric = 3; // columns from here on are numbers, aligned to the right
  const text = lines.map((cells) =>
    cells
      .map((cell, column) => (column < numeric ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
  const rule = "─".repeat(Math.max(...text.map((line) => line.length)));
  const fixed = table.parameters - table.trainable;
  const note =
    fixed === 0 ? [] : [`${count(fixed)} of the parameters are not trained (running statistics, frozen layers)`];
  return [text[0], rule, ...text.slice(1, -1), rule, text[text.length - 1], ...note].join("\n");
}
