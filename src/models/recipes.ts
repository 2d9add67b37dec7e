/**
 * Named recipes: ways to train that are worth a name of their own, apart from the one that each architecture comes with.
 * `ductus train --recipe NAME` takes everything from here that is not given otherwise.
 */
import { unknownName } from "../engine/errors.ts";
import { cnnStrided } from "./cnn-strided.ts";
import type { Recipe } from "./model.ts";
import { READER_RECIPE } from "./reader-recipe.ts";

/** A model and how it is trained, under one name. */
export interface NamedRecipe {
  readonly name: string;
  /** One line: what it is for. */
  readonly title: string;
  /** The architecture that it was made for; others may be trained by it. */
  readonly model: string;
  /** The data that it was made for, where they are not MNIST. */
  readonly data?: string | undefined;
  readonly training: Recipe;
  /** Share of the training samples that is put aside for validation, 0 … 1. */
  readonly validation: number;
}

/** All named recipes. */
export const RECIPES: readonly NamedRecipe[] = [
  {
    name: "fast",
    title: "99 % of the full MNIST in the fewest seconds: all training samples, last weights",
    model: cnnStrided.name,
    // A third one is worth 0.06 points, and half as many seconds again (docs/accuracy.md).
    training: { ...cnnStrided.recipe, epochs: 2 },
    validation: 0,
  },
  {
    name: "reader",
    title: "reads whole numbers, handwritten and printed: a million strings made of MNIST",
    model: "reader",
    data: "strings:mnist",
    training: READER_RECIPE,
    validation: 0.1,
  },
];

/** The recipe of a name. @throws UsageError with a suggestion when there is none */
export function findRecipe(name: string): NamedRecipe {
  const found = RECIPES.find((recipe) => recipe.name === name);
  if (found !== undefined) return found;
  throw unknownName(
    "recipe",
    name,
    RECIPES.map((recipe) => recipe.name),
  );
}
