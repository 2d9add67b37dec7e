/** Where the published networks come from, by name: what `ductus info` says beside what they are. Ours are not here. */

export interface Provenance {
  /** What its source says that it reaches on MNIST. */
  readonly claimed: string;
  /** What its source has wrong or leaves open, and what was done about it. */
  readonly corrected: string;
}

const SEPARABLE: Provenance = {
  claimed: "98 % of the training set",
  corrected:
    "the printed input of the last layer is 32·7·7, after a global average it is 32; the printed accuracy was measured on the training set, and the network fine-tuned on the test set: here neither is done",
};

export const PROVENANCE: Readonly<Record<string, Provenance>> = {
  "cnn-5x5": {
    claimed: "98 %",
    corrected: "the printed input of the hidden layer is 64·5·5; after two poolings it is 64·4·4 = 1024",
  },
  "cnn-3x3": {
    claimed: "97.23 %",
    corrected:
      "the printed input lacks the channel axis; the network returns logits, as the loss contains the printed softmax",
  },
  "cnn-5x3": {
    claimed: "“high”",
    corrected: "the printed input of the hidden layer is 64·7·7; after two poolings it is 64·5·5 = 1600",
  },
  separable: SEPARABLE,
  "separable-dilated": SEPARABLE,
  "cnn-same": {
    claimed: "98.11 %",
    corrected:
      "the printed cross-entropy is taken over a log-softmax, which it contains already, so the network returns logits; the printed accuracy is divided by the number of batches instead of pictures",
  },
  lenet5: {
    claimed: "99.05 % (LeCun et al. 1998)",
    corrected:
      "the usual modern form: plain average pooling, every channel connected, fully connected layers with softmax instead of radial units, Adam instead of a second-order method",
  },
};
