/** The kernels of sequences. One module, so that a page loads them at once or not at all; index.ts says which there are. */
export { arangeRoot } from "./arange.ts";
export { attentionLseRoot, attentionRoot } from "./attention.ts";
export { attentionGradRoot } from "./attention-grad.ts";
export { ctcGradRoot, ctcRoot } from "./ctc.ts";
export { recurrenceGradRoot, recurrenceRoot } from "./recurrent.ts";
export { placeAtRoot, sliceAtRoot } from "./window.ts";
