/**
 * What is to be trained next, as far as it has been said: the network, and settings where they are others than its recipe's.
 * Numbers stay as they were typed until they are used, so that what is wrong with one can be said beside its field.
 */
import { computed, signal } from "@preact/signals";
import type { TrainJob } from "../engine/protocol.ts";
import {
  type Augment,
  type NetworkName,
  OPTIMIZERS,
  type OptimizerDefaults,
  type OptimizerName,
  type Recipe,
  recipeOf,
} from "./networks.ts";

/** Numbers that can be set. */
export type NumberSetting = "epochs" | "lr" | "batchSize" | "weightDecay" | "dropout";

interface Range {
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
}

export const RANGES: Readonly<Record<NumberSetting, Range>> = {
  epochs: { least: 1, most: 100, isWhole: true },
  lr: { least: 0.000001, most: 1, isWhole: false },
  batchSize: { least: 1, most: 1024, isWhole: true },
  weightDecay: { least: 0, most: 1, isWhole: false },
  dropout: { least: 0, most: 0.9, isWhole: false },
};

/** Recipes have more: somebody waits here. */
const EPOCHS = 5;

export const network = signal<NetworkName>("ductus-s");
const typed = signal<Readonly<Partial<Record<NumberSetting, string>>>>({});
const chosenOptimizer = signal<OptimizerName | undefined>(undefined);
const chosenAugment = signal<Augment | undefined>(undefined);

const recipe = computed(() => recipeOf(network.value));
export const optimizer = computed<OptimizerName>(() => chosenOptimizer.value ?? recipe.value.optimizer);
export const augment = computed<Augment>(() => chosenAugment.value ?? recipe.value.augment);

/** What holds where nothing was typed; rates follow the optimizer. */
const defaults = computed<Readonly<Partial<Record<NumberSetting, number>>>>(() => {
  const { batchSize, dropout, ...rates }: Recipe = recipe.value;
  const { lr, weightDecay } = optimizer.value === rates.optimizer ? rates : OPTIMIZERS[optimizer.value];
  return { epochs: EPOCHS, lr, weightDecay, batchSize, ...(dropout !== undefined && { dropout }) };
});

/** Fields of the chosen network; only some drop anything. */
export const fields = computed(() => Object.keys(defaults.value) as NumberSetting[]);

/** A number as people write it; NaN for what is none. */
const parse = (text: string): number => (/\d/.test(text) ? Number(text.trim().replace(",", ".")) : Number.NaN);

export const textOf = (field: NumberSetting): string => typed.value[field] ?? `${defaults.value[field] ?? ""}`;
export const numberOf = (field: NumberSetting): number => parse(textOf(field));

export function isWrong(field: NumberSetting): boolean {
  const { least, most, isWhole } = RANGES[field];
  const value = numberOf(field);
  return !(value >= least && value <= most && (!isWhole || Number.isInteger(value)));
}

/** The first field that is wrong; undefined where all are right. */
export const firstWrong = (): NumberSetting | undefined => fields.value.find(isWrong);

/** Whether anything is other than the recipe's. */
export const isChanged = computed(
  () => Object.keys(typed.value).length > 0 || chosenOptimizer.value !== undefined || chosenAugment.value !== undefined,
);

export function type(field: NumberSetting, text: string): void {
  const { [field]: _, ...others } = typed.value;
  typed.value = text.trim() === `${defaults.value[field]}` ? others : { ...others, [field]: text };
}

export function chooseOptimizer(name: OptimizerName): void {
  chosenOptimizer.value = name === recipe.value.optimizer ? undefined : name;
}

export function chooseAugment(name: Augment): void {
  chosenAugment.value = name === recipe.value.augment ? undefined : name;
}

export function reset(): void {
  typed.value = {};
  chosenOptimizer.value = chosenAugment.value = undefined;
}

/** The order as a job. Every field must be right. */
export function jobOf(): TrainJob {
  const { momentum }: OptimizerDefaults = OPTIMIZERS[optimizer.value];
  return {
    kind: "train",
    architecture: network.value,
    epochs: numberOf("epochs"),
    seed: 1,
    augment: augment.value,
    settings: {
      optimizer: optimizer.value,
      lr: numberOf("lr"),
      batchSize: numberOf("batchSize"),
      weightDecay: numberOf("weightDecay"),
      ...(momentum !== undefined && { momentum }),
      ...(fields.value.includes("dropout") && { dropout: numberOf("dropout") }),
    },
  };
}
