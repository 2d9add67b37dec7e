/** How many samples may run together, by their length: what a network gives for them has to fit into memory. */
import { openAxes, type Port, type Sizes, shapeAt } from "../data/port.ts";
import { sizeOf } from "../engine/shape.ts";
import type { AnyTask } from "../task/task.ts";

/** Numbers that a run gives at most, where that is more than one sample's: 64 MiB of float32. */
const NUMBERS = 2 ** 24;

/** @param most where the length of samples allows it */
export function sizesOfRuns({ input, outputs }: AnyTask, most: number): (sizes: Sizes) => number {
  const isOpen = openAxes(input.ports).length > 0;
  if (!isOpen) return () => most;
  return (sizes) => {
    const length = Math.max(...Object.values(sizes));
    // An axis that the inputs do not have is about as long as theirs.
    const lengths = Object.fromEntries(openAxes(outputs).map((axis) => [axis, sizes[axis] ?? length]));
    const numbers = Object.values(outputs).reduce((sum, port: Port) => sum + sizeOf(shapeAt(port, lengths)), 0);
    return Math.max(1, Math.min(most, Math.floor(NUMBERS / numbers)));
  };
}
