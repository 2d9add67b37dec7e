/** Which models a format can hold: kinds of tasks and of inputs. Data, so that messages can say where else a model may go. */
import type { AnyModel } from "../models/model.ts";
import type { InputKind } from "../task/input.ts";
import type { TaskKind } from "../task/task.ts";

export interface Accepts {
  readonly tasks: readonly TaskKind[];
  readonly inputs: readonly InputKind[];
}

/** Classifiers of pictures, or of other numbers of one shape. */
export const CLASSIFIERS: Accepts = { tasks: ["classify"], inputs: ["numbers"] };
export const EVERYTHING: Accepts = {
  tasks: ["classify", "transcribe", "generate"],
  inputs: ["numbers", "sequence", "text", "line"],
};

export const accepts = ({ tasks, inputs }: Accepts, { task }: AnyModel): boolean =>
  tasks.includes(task.kind) && inputs.includes(task.input.kind);
