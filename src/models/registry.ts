/** The named architectures: an explicit list, and `create`, which makes a model of one. */
import { UsageError, unknownName } from "../engine/errors.ts";
import type { Suggested } from "../engine/options.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import { undrawn } from "../nn/init.ts";
import { classNames } from "../task/classify/classify.ts";
import type { ArchitectureRecord, PictureShape } from "./architecture.ts";
import { cnn3x3 } from "./cnn-3x3.ts";
import { cnn5x3 } from "./cnn-5x3.ts";
import { cnn5x5 } from "./cnn-5x5.ts";
import { cnnSame } from "./cnn-same.ts";
import { cnnStrided } from "./cnn-strided.ts";
import { ductusL, ductusL5, ductusM, ductusMicro, ductusS, ductusXl } from "./ductus.ts";
import { lenet5 } from "./lenet5.ts";
import { mlp } from "./mlp.ts";
import { Model, type ModelOptions, type Normalization, type Recipe } from "./model.ts";
import { separable } from "./separable.ts";
import { separableDilated } from "./separable-dilated.ts";

/** All named architectures, in the order in which they are listed to users. */
export const ARCHITECTURES = [
  cnn3x3,
  cnn5x5,
  cnn5x3,
  separable,
  separableDilated,
  cnnSame,
  cnnStrided,
  ductusMicro,
  ductusS,
  ductusM,
  ductusL,
  ductusL5,
  ductusXl,
  lenet5,
  mlp,
] as const satisfies readonly ArchitectureRecord[];

/** A named architecture's name. */
export type ArchitectureName = (typeof ARCHITECTURES)[number]["name"];

/** The record of a name. @throws UsageError with a suggestion when there is none */
export function findArchitecture(name: string): ArchitectureRecord {
  const found = ARCHITECTURES.find((architecture) => architecture.name === name);
  if (found !== undefined) return found;
  throw unknownName(
    "model",
    name,
    ARCHITECTURES.map((architecture) => architecture.name),
  );
}

/** What a named architecture is made for. */
export interface CreateOptions {
  /** How many classes, or their names; default: ten digits. */
  readonly classes?: number | readonly string[] | undefined;
  /** [height, width, channels]; default: MNIST's [28, 28, 1]. */
  readonly inputShape?: Shape | undefined;
  /** Default: the architecture's own. */
  readonly normalization?: Normalization | undefined;
  /** How it is trained; default: the architecture's own. */
  readonly recipe?: Recipe | undefined;
  /** Of the initial weights; default 0. null: they stay 0, for a network whose weights will be loaded. */
  readonly seed?: number | null | undefined;
}

/**
 * Makes a model of a named architecture, with fresh weights that depend on the seed only.
 * @throws UsageError for an unknown name (with a suggestion) or pictures that are too small for it
 */
export function create(name: Suggested<ArchitectureName>, options: CreateOptions = {}): Model {
  const architecture = findArchitecture(name);
  const { seed = 0, normalization = architecture.normalization, recipe = architecture.recipe } = options;
  const inputShape = pictureShape(name, options.inputShape ?? architecture.inputShape);
  const classes = classNames(options.classes ?? architecture.outputs);
  const stored = { classes: classes.length, inputShape, normalization };
  const settings: ModelOptions = {
    inputShape,
    classes,
    normalization,
    architecture: { name, options: stored },
    recipe,
    ...(seed !== null && { seed }),
  };
  const network = undrawn(() => architecture.create({ outputs: classes.length, inputShape }));
  return new Model(network, settings);
}

function pictureShape(name: string, shape: Shape): PictureShape {
  const [height, width, channels] = shape;
  if (shape.length !== 3 || !shape.every((dim) => Number.isInteger(dim) && dim > 0)) {
    throw new UsageError(`${name}: the input shape ${formatShape(shape)} must be [height, width, channels]`);
  }
  return [height, width, channels];
}
