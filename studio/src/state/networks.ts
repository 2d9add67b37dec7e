/** Networks and optimizers on offer in the page: what trains in seconds to minutes there. Tests compare the numbers with the engine's. */

/** How a network learns where nobody says otherwise: the part of its recipe that the page lets one change. */
export interface Recipe {
  readonly optimizer: OptimizerName;
  readonly lr: number;
  readonly batchSize: number;
  readonly weightDecay: number;
  readonly augment: Augment;
  /** Only where the network drops anything. */
  readonly dropout?: number | undefined;
  /** Share of the target that is spread over all classes while training; not to be changed here. */
  readonly labelSmoothing?: number | undefined;
}

/** Presets that leave a digit what it is. */
export const AUGMENTS = ["none", "digits", "letters"] as const;
export type Augment = (typeof AUGMENTS)[number];

/** By name, with rates that train each of these networks, for where the recipe has another optimizer. */
export const OPTIMIZERS = {
  adam: { lr: 0.001, weightDecay: 0 },
  adamw: { lr: 0.001, weightDecay: 0.01 },
  muon: { lr: 0.02, weightDecay: 0.01 },
  rmsprop: { lr: 0.001, weightDecay: 0 },
  sgd: { lr: 0.05, weightDecay: 0, momentum: 0.9 },
} as const satisfies Record<string, OptimizerDefaults>;

export interface OptimizerDefaults {
  readonly lr: number;
  readonly weightDecay: number;
  readonly momentum?: number | undefined;
}
export type OptimizerName = keyof typeof OPTIMIZERS;

const CLASSIC: Recipe = { optimizer: "adam", lr: 0.001, batchSize: 64, weightDecay: 0, augment: "none" };
const DUCTUS: Recipe = {
  optimizer: "adamw",
  lr: 0.01,
  batchSize: 128,
  weightDecay: 0.0001,
  augment: "digits",
  labelSmoothing: 0.05,
};

export const NETWORKS = [
  { name: "ductus-micro", parameters: 1935, recipe: { ...DUCTUS, optimizer: "muon", lr: 0.04, labelSmoothing: 0 } },
  { name: "ductus-s", parameters: 7503, recipe: DUCTUS },
  { name: "cnn-strided", parameters: 72010, recipe: { ...CLASSIC, lr: 0.01, batchSize: 256, labelSmoothing: 0.1 } },
  { name: "cnn-3x3", parameters: 225034, recipe: CLASSIC },
  { name: "lenet5", parameters: 61706, recipe: CLASSIC },
  { name: "ductus-m", parameters: 97863, recipe: { ...DUCTUS, lr: 0.008, dropout: 0.3 } },
] as const satisfies readonly NetworkOnOffer[];

interface NetworkOnOffer {
  readonly name: string;
  readonly parameters: number;
  readonly recipe: Recipe;
}
export type NetworkName = (typeof NETWORKS)[number]["name"];

export function recipeOf(name: string): Recipe {
  const found = NETWORKS.find((network) => network.name === name);
  return (found ?? NETWORKS[0]).recipe;
}
