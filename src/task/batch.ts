/** A batch in a graph: the arrays of a data set as inputs by the names of their ports, for training and measuring alike. */
import type { SampleSpec } from "../data/dataset.ts";
import { type Ports, shapeAt } from "../data/port.ts";
import type { BatchShape } from "../engine/programs.ts";
import type { Tracer } from "../engine/trace.ts";
import type { Tensors } from "./task.ts";

/** Name of the output that is the mean loss of a batch. What a task counts stands beside it by its own names. */
export const LOSS_OUTPUT = "loss";

/** Declares the arrays of a batch as inputs. */
export function batchInputs(
  tracer: Tracer,
  { inputs, targets }: SampleSpec,
  { batch, sizes }: BatchShape,
): Record<"inputs" | "targets", Tensors> {
  const declared = (ports: Ports): Tensors =>
    Object.fromEntries(
      Object.entries(ports).map(([name, port]) => [
        name,
        tracer.input(name, [batch, ...shapeAt(port, sizes)], port.dtype, true),
      ]),
    );
  return { inputs: declared(inputs), targets: declared(targets) };
}
