/** What the page shows of a model: its card; and of an evaluation: accuracy and how sure it is, confusion matrix, worst errors. */
import type { AnyModel, Dataset, Evaluation } from "ductus";
import type { Measured, Mistake, ModelCard, Reads } from "./protocol.ts";

const LISTED = 24;

/** @param dataset what was measured, to show pictures of */
export function measuredOf(evaluation: Evaluation, dataset: Dataset): Measured {
  const { classification, predictions, count, loss } = evaluation;
  if (classification === undefined || predictions === undefined) throw new Error("only data with classes are measured");
  const { confusion, confusedPairs } = classification;
  // What was trained on measures nothing, wherever it came from.
  const { accuracy, interval } = evaluation.accuracyOnNew ?? classification;
  return {
    loss,
    accuracy,
    interval: [interval.low, interval.high],
    samples: count,
    matrix: confusion && { classes: predictions.classes, counts: confusion.map((row) => [...row]) },
    confused: confusedPairs[0],
    mistakes: evaluation.worstErrors(LISTED).map((judged) => mistakeOf(judged, dataset)),
  };
}

interface Judged {
  readonly index: number;
  readonly label: string;
  readonly predicted: string;
  readonly confidence: number;
}

function mistakeOf({ index, label, predicted, confidence }: Judged, dataset: Dataset): Mistake {
  const [height, width, channels = 1] = dataset.inputs.x.shape as readonly number[];
  const pixels = new Uint8Array(height * width * channels);
  dataset.read([index], 0, 1, { x: pixels, y: new Int32Array(1) });
  return { pixels, shape: [height, width, channels], label, predicted, probability: confidence };
}

/** @param size bytes of the model file */
export function cardOf(model: AnyModel, size: number): ModelCard {
  const { architecture, task } = model;
  const { shape } = task.input.ports.x;
  const [height = 1, width = 1, channels = 1] = shape.map((dim) => (typeof dim === "number" ? dim : 1));
  let parameters = 0;
  for (const [, parameter] of model.network.namedParameters()) parameters += parameter.size;
  return {
    architecture: architecture?.name ?? "custom",
    // Models of sequences are not opened.
    reads: task.input.kind as Reads,
    task: task.kind,
    names: task.names,
    inputShape: [height, width, channels],
    parameters,
    size,
    isOpen: true,
  };
}
