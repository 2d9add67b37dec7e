/**
 * The ops of sequences, which networks for single pictures do without. One module, so that a page loads them at once or not at
 * all; index.ts says which there are.
 */
export { arangeOp } from "./arange.ts";
export { attentionGradOp, attentionLseOp, attentionOp } from "./attention.ts";
export { ctcGradOp, ctcLossOp, ctcOp } from "./ctc.ts";
export { gruOp, lstmOp, recurrenceGradOp, recurrenceOp } from "./recurrent.ts";
export { ropeOp } from "./rope.ts";
export { placeAtOp, sliceAtOp } from "./window.ts";
