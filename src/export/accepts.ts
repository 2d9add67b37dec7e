/** Which models a format can hold: kinds of tasks and of inputs. Data, so that messages can say where else a model may go. */
import type { AnyModel } from "../models/model.ts";
import type { InputKind } from "../task/input.ts";
import type { TaskKind } from "../task/task.ts";

/** Kinds of inputs by the kind of task that they are taken for. */
export type Accepts = Readonly<Partial<Record<TaskKind, readonly InputKind[]>>>;

/** Classifiers of pictures, or of other numbers of one shape. */
export const CLASSIFIERS: Accepts = { classify: ["numbers"] };
/** These, and readers of lines of writing. */
export const RECOGNIZERS: Accepts = { ...CLASSIFIERS, transcribe: ["line"] };
const ANY_INPUT: readonly InputKind[] = ["numbers", "sequence", "text", "line"];
export const EVERYTHING: Accepts = { classify: ANY_INPUT, transcribe: ANY_INPUT, generate: ANY_INPUT };

export const accepts = (takes: Accepts, { task }: AnyModel): boolean =>
  takes[task.kind]?.includes(task.input.kind) ?? false;

/** In words: "classify numbers or transcribe line". */
export const inWords = (takes: Accepts): string =>
  Object.entries(takes)
    .map(([task, inputs]) => `${task} ${inputs.join(" or ")}`)
    .join(" or ");
