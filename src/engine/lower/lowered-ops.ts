/** The table of lowered ops: backends that use legalize.ts implement them beside the primitives. */
import * as convolutions from "./convolutions.ts";
import * as recurrences from "./recurrences.ts";

export const loweredPrimitives = {
  conv2dPanels: convolutions.conv2dPanelsOp,
  conv2dWinograd: convolutions.conv2dWinogradOp,
  conv2dInputGradWinograd: convolutions.conv2dInputGradWinogradOp,
  conv2dWeightGradWinograd: convolutions.conv2dWeightGradWinogradOp,
  recurrencePanels: recurrences.recurrencePanelsOp,
  recurrenceGradPanels: recurrences.recurrenceGradPanelsOp,
} as const;

export type LoweredName = keyof typeof loweredPrimitives;
