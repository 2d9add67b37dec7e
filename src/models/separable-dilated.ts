/** separable-dilated: the separable network with kernels that are spread over 5×5 pixels. */
import type { ArchitectureRecord } from "./architecture.ts";
import { SeparableNet, separable } from "./separable.ts";

export const separableDilated: ArchitectureRecord<"separable-dilated"> = {
  ...separable,
  name: "separable-dilated",
  title: "separable with dilation 2",
  create: (options) => new SeparableNet("separable-dilated", 2, options),
};
