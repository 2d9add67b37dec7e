/** What a report says about a classifier: how good it is on samples that it was not trained on, where it errs, and how far its confidence can be believed. */

import type { DataPart } from "../data/duplicates.ts";
import { onePicture, readPictures } from "../data/mosaic.ts";
import { describeTrained } from "../data/overlap.ts";
import type { AnyModel } from "../models/model.ts";
import { type Classification, worstClasses } from "../task/classify/classification.ts";
import { type JudgedSample, suspectedLabels, worstErrors } from "../task/classify/errors.ts";
import type { Evaluation } from "../task/classify/evaluation.ts";
import { encodePredictions } from "../task/classify/saved-predictions.ts";
import { grouped, percent, percentInterval, round } from "../task/text.ts";
import { confusionChart } from "./classify-charts.ts";
import { rejectionChart, reliabilityChart } from "./confidence-charts.ts";
import { figure, html, htmlTable, Markup } from "./html.ts";
import type { MeasuredData } from "./input.ts";
import { image } from "./pictures.ts";
import type { ReportView } from "./views.ts";

/** A confusion matrix of more classes is a blur; the list of pairs says it all then. */
const MATRIX_CLASSES = 64;
/** A longer table of classes is cut to its worst. */
const TABLE_CLASSES = 256;
/** Classes that the table of the data lists one by one. */
const COUNTED_CLASSES = 64;
const PAIRS = 10;
const ERRORS = 24;
const SUSPECTS = 12;

async function results({ evaluation, dataset }: MeasuredData<Evaluation>): Promise<Markup | undefined> {
  const { classification, predictions, isTrainingData } = evaluation;
  if (classification === undefined || predictions === undefined) return undefined;
  const errors = worstErrors(predictions, ERRORS);
  const suspects = isTrainingData ? [] : suspectedLabels(predictions);
  const { classes, confusion } = classification;
  return html`<section><h2>${isTrainingData ? "On its own training samples" : `Results on ${evaluation.dataset}`}</h2><div class="grid wide">
${confusion !== undefined && classes.length <= MATRIX_CLASSES ? figure("Confusion matrix", confusionChart(classes, confusion), "Rows are what the samples are, columns what they were taken for.") : undefined}
${figure("Classes", classTable(classification))}</div></section>
<section><h2>Confidence</h2><div class="grid">${confidence(evaluation)}</div></section>
<section><h2>Errors</h2>${pairList(classification)}
${await gallery(dataset, errors, "Worst errors", "Largest loss first: label → what the model says, the probability that it gives to that, and the number of the sample.")}
${await gallery(dataset, suspects.slice(0, SUSPECTS), "Labels that may be wrong", `${grouped(suspects.length)} of ${grouped(evaluation.count)} labels look doubtful by confident learning: the model is surer of another class than it usually is of that class.`)}</section>`;
}

/** The big number on top: never called accuracy when it was counted on training samples. */
function score({ evaluation }: MeasuredData<Evaluation>): Markup {
  const { classification, isTrainingData, count, dataset, loss, accuracyWithoutOverlap } = evaluation;
  const { accuracyOnNew, trainingAccuracy = 0, trainedOn } = evaluation;
  if (classification === undefined) {
    return html`<div class="score"><b>${round(loss)}</b><small>loss on ${grouped(count)} samples of ${dataset}</small></div>`;
  }
  const { accuracy, interval } = classification;
  const known = trainedOn === undefined || trainedOn.trained === 0 ? undefined : describeTrained(trainedOn, count);
  if (known !== undefined && accuracyOnNew !== undefined) {
    return html`<div class="score"><b>${percent(accuracyOnNew.accuracy)}</b><small>accuracy on the ${grouped(accuracyOnNew.count)} samples of ${dataset} that the model was not trained on, ${grouped(accuracyOnNew.count - accuracyOnNew.hits)} wrong<br/>95 % interval ${percentInterval(accuracyOnNew.interval)}<br/>${known}; accuracy on training samples ${percent(trainingAccuracy)}. All that follows is of both together.</small></div>`;
  }
  const wrong = count - Math.round(accuracy * count);
  const what = isTrainingData
    ? html`${evaluation.isWholeTrainingSet || known === undefined ? "of its own training samples recognized" : `accuracy on training samples; ${known}`}; this says little about new ones`
    : html`accuracy on ${grouped(count)} samples of ${dataset}, ${grouped(wrong)} wrong<br/>95 % interval ${percentInterval(interval)}`;
  const without =
    accuracyWithoutOverlap === undefined
      ? undefined
      : html`<br/>${percent(accuracyWithoutOverlap)} without samples that were trained on`;
  return html`<div class="score"><b>${percent(accuracy)}</b><small>${what}${without}</small></div>`;
}

function classTable({ classes, macro, weighted, topK }: Classification): Markup {
  const bar = (share: number): Markup =>
    new Markup(`<span class="bar"><i style="width:${(100 * share).toFixed(1)}%"></i></span>`);
  const cells = ({ precision, recall, f1 }: Classification["macro"]): string[] =>
    [precision, recall, f1].map((share) => share.toFixed(4));
  const shown = classes.length > TABLE_CLASSES ? worstClasses(classes, TABLE_CLASSES) : classes;
  const rows = shown.map((result) => {
    const [precision, recall, f1] = cells(result);
    return [result.name, precision, recall, html`${bar(result.f1)}${f1}`, grouped(result.support)];
  });
  const means = [
    [html`<b>mean</b>`, ...cells(macro), ""],
    [html`<b>weighted</b>`, ...cells(weighted), ""],
  ];
  const top = Object.entries(topK).map(([k, share]) => `${percent(share)} among the first ${k}`);
  return html`${htmlTable(["class", "precision", "recall", "F1", "samples"], [...rows, ...means])}
${shown.length < classes.length ? html`<figcaption>The ${shown.length} worst of ${grouped(classes.length)} classes; results.json has all.</figcaption>` : undefined}
${top.length > 0 ? html`<figcaption>The right class is ${top.join(", ")}.</figcaption>` : undefined}`;
}

function confidence({ calibration, scaledCalibration, rejection }: Evaluation): Markup[] {
  if (calibration === undefined || rejection === undefined) return [];
  const after =
    scaledCalibration &&
    ` As answered, at temperature ${round(scaledCalibration.temperature)}, fitted on other samples, it is ${round(scaledCalibration.expectedError)} (log loss ${round(scaledCalibration.logLoss)}).`;
  const reach = rejection.reach.map(
    ({ accuracy, coverage }) => `${percent(accuracy)} are right of the surest ${percent(coverage)}`,
  );
  return [
    figure(
      "Reliability",
      reliabilityChart(calibration, scaledCalibration),
      `Lines are 95 % intervals: bins with few samples say little. Expected calibration error ${round(calibration.expectedError)}, log loss ${round(calibration.logLoss)}.${after ?? " The model is not calibrated: no temperature was fitted on validation samples."}`,
    ),
    figure(
      "Leaving the doubtful to a person",
      rejectionChart(rejection),
      reach.length === 0 ? undefined : `${reach.join("; ")}.`,
    ),
  ];
}

function pairList(classification: Classification): Markup | undefined {
  const pairs = classification.confusedPairs;
  if (pairs.length === 0) return html`<p>No sample was mistaken for another class.</p>`;
  const list = pairs
    .slice(0, PAIRS)
    .map(({ actual, predicted, count }) => html`<b>${actual}</b> taken for <b>${predicted}</b> (${count}×)`);
  return html`<p>Most confused: ${list.flatMap((pair, i) => (i === 0 ? [pair] : [", ", pair]))}.</p>`;
}

async function gallery(
  dataset: MeasuredData["dataset"],
  samples: readonly JudgedSample[],
  title: string,
  caption: string,
): Promise<Markup | undefined> {
  if (samples.length === 0) return undefined;
  const pictures = readPictures(
    dataset,
    samples.map(({ index }) => index),
  );
  const cells = await Promise.all(
    samples.map(async ({ index, label, predicted, confidence: sure }, i) => {
      const picture = pictures && (await image(onePicture(pictures, i), `sample ${index}`, "thumb"));
      return html`<div>${picture}<b>${label} → ${predicted}</b><br/>${percent(sure)}<br/>#${index}</div>`;
    }),
  );
  return figure(title, html`<div class="gallery">${cells}</div>`, caption);
}

/** How many samples of each class a part of the data has. */
function countsOf({ dataset }: DataPart): readonly number[] {
  const counts = new Array<number>(dataset.classes?.length ?? 0).fill(0);
  for (let i = 0; i < dataset.length && dataset.label !== undefined && counts.length > 0; i++)
    counts[dataset.label(i)]++;
  return counts;
}

function counts(parts: readonly DataPart[], { task }: AnyModel): Markup {
  const byClass = parts.map(countsOf);
  const rows = task.names
    .slice(0, COUNTED_CLASSES)
    .map((name, c) => [name, ...byClass.map((counts) => grouped(counts[c] ?? 0))]);
  const total = [html`<b>all</b>`, ...parts.map(({ dataset }) => grouped(dataset.length))];
  return figure("Samples by class", htmlTable(["class", ...parts.map(({ name }) => name)], [...rows, total]));
}

export const view: ReportView = {
  score,
  results,
  counts,
  predictions: ({ predictions, dataset }: Evaluation) =>
    predictions && {
      bytes: predictions.logits.byteLength,
      encode: () => encodePredictions({ predictions, dataset }),
    },
};
