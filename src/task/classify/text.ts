/** Evaluations as text: the table that the command line and `console.log` print. */

import { describeOverlap, describeTrained } from "../../data/overlap.ts";
import {
  columns,
  displayWidth,
  grouped,
  PLAIN,
  padEnd,
  padStart,
  percent,
  percentInterval,
  round,
  type Style,
} from "../text.ts";
import { type Classification, type ClassMeans, worstClasses } from "./classification.ts";
import { type JudgedSample, suspectedLabels } from "./errors.ts";
import type { Evaluation, Refused } from "./evaluation.ts";
import type { PairedComparison } from "./mcnemar.ts";

/** A confusion matrix wider than this says nothing in a terminal; only the most confused pairs are listed then. */
const MATRIX_CLASSES = 16;
/** A longer table of classes is cut to its worst. */
const TABLE_CLASSES = 64;
const WORST_CLASSES = 20;
/** Columns that its cells may take together, unless the numbers need more. */
const MATRIX_WIDTH = 84;
const PAIRS = 5;
const SUSPECTS = 3;
/** Below this probability a difference is not put down to chance. */
const SIGNIFICANT = 0.05;

/** The complete report of one evaluation: headline, table of classes, confusion matrix, confusions, calibration, doubts. */
export function formatEvaluation(evaluation: Evaluation, style: Style = PLAIN): string {
  const { classification, metrics } = evaluation;
  const parts = [headline(evaluation, style)];
  const own = Object.entries(metrics).map(([name, value]) => `${name} ${round(value)}`);
  if (own.length > 0) parts.push(own.join(" · "));
  if (classification !== undefined) {
    parts.push("", classTable(classification, style));
    const { classes, confusion } = classification;
    if (confusion !== undefined && classes.length <= MATRIX_CLASSES) {
      parts.push("", confusionTable(classes, confusion, style));
    }
    parts.push("", ...findings(evaluation).map(([name, text]) => `${style.dim(name.padEnd(14))} ${text}`));
  }
  return parts.join("\n");
}

function headline(evaluation: Evaluation, style: Style): string {
  const { dataset, count, loss, classification, isTrainingData } = evaluation;
  const samples = `${grouped(count)} ${count === 1 ? "sample" : "samples"} of ${dataset}`;
  const { trainedOn, accuracyOnNew, trainingAccuracy } = evaluation;
  const known = trainedOn === undefined || trainedOn.trained === 0 ? undefined : describeTrained(trainedOn, count);
  if (classification === undefined) {
    const leak = known === undefined ? "" : `\n${style.bad(known)}`;
    return `${style.bold(`loss ${round(loss)}`)} · ${samples}${leak}`;
  }
  const { accuracy, interval } = classification;
  const errors = `${grouped(count - Math.round(accuracy * count))} wrong`;
  const advice = "this says little about new samples; measure on others for that";
  if (isTrainingData) {
    const [share, whose] =
      evaluation.isWholeTrainingSet || known === undefined
        ? [`${percent(accuracy)} of its own training samples recognized`, ""]
        : [`accuracy on training samples ${percent(accuracy)}`, `${known}: `];
    return `${style.bold(share)} · loss ${round(loss)} · ${samples}\n${capitalized(`${whose}${advice}`)}.`;
  }
  if (known !== undefined && accuracyOnNew !== undefined) {
    const { count: others, hits, accuracy: share, interval: between } = accuracyOnNew;
    const measured = `${style.bold(`accuracy on the others ${percent(share)}`)} (95 % interval ${percentInterval(between)})`;
    const learned = `${known}; accuracy on training samples ${percent(trainingAccuracy ?? 0)}`;
    const wrong = `${grouped(others - hits)} of ${grouped(others)} wrong`;
    return `${style.bad(learned)}\n${measured} · ${wrong} · all: loss ${round(loss)}, ${samples}`;
  }
  const { overlap, accuracyWithoutOverlap } = evaluation;
  const isLeaking = overlap !== undefined && overlap.duplicates.length > 0;
  const without =
    accuracyWithoutOverlap === undefined ? "" : `; accuracy without them ${percent(accuracyWithoutOverlap)}`;
  const leak = isLeaking ? `\n${style.bad(describeOverlap(overlap) + without)}` : "";
  const share = `${style.bold(`accuracy ${percent(accuracy)}`)} (95 % interval ${percentInterval(interval)})`;
  return `${share} · ${errors} · loss ${round(loss)} · ${samples}${leak}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** One line each, named; those that have nothing to say are left out. */
function findings(evaluation: Evaluation): [name: string, text: string][] {
  const { classification, calibration, scaledCalibration, rejection, predictions, isTrainingData, refused } =
    evaluation;
  if (classification === undefined || predictions === undefined) return [];
  const pairs = classification.confusedPairs
    .slice(0, PAIRS)
    .map(({ actual, predicted, count }) => `${actual} taken for ${predicted} (${count}×)`);
  const top = Object.entries(classification.topK).map(([k, share]) => `${percent(share)} among the first ${k}`);
  const scaled =
    scaledCalibration &&
    `; ${round(scaledCalibration.expectedError)} as answered, at temperature ${round(scaledCalibration.temperature)}, fitted on other samples`;
  const reach = rejection?.reach.map(
    ({ accuracy, coverage }) => `${percent(accuracy)} of the surest ${percent(coverage)}`,
  );
  // A model knows the labels that it was trained on by heart, the wrong ones too.
  const suspects = isTrainingData ? [] : suspectedLabels(predictions);
  const lines: [string, string | undefined][] = [
    ["most confused", pairs.join(", ")],
    ["right", top.join(", ")],
    [
      "calibration",
      calibration &&
        `expected error ${round(calibration.expectedError)}${scaled ?? "; not calibrated: no temperature was fitted on validation samples"}`,
    ],
    ["rejection", reach && reach.length > 0 ? `right are ${reach.join(", ")}` : undefined],
    ["none of these", refused && refusedOf(refused, evaluation.count)],
    ["labels", suspects.length > 0 ? doubts(suspects) : undefined],
  ];
  return lines.flatMap(([name, text]) => (text === undefined || text === "" ? [] : [[name, text]]));
}

/** What the novelty score makes of samples that show the model's classes. */
function refusedOf(refused: Refused, all: number): string {
  const { count, rate, wrong = 0, wrongRefused = 0, expected = 0, strangers = 0 } = refused;
  const share = `${grouped(count)} of ${grouped(all)} refused, ${percent(rate)} (fitted to ${percent(expected)})`;
  return `${share}; of the ${grouped(wrong)} that are wrong, ${grouped(wrongRefused)}; of drawings of no class ${percent(strangers)}`;
}

function doubts(suspects: readonly JudgedSample[]): string {
  const first = suspects
    .slice(0, SUSPECTS)
    .map(({ index, label, predicted }) => `#${index} (${label}, or ${predicted}?)`);
  const many = suspects.length === 1 ? "1 looks wrong" : `${grouped(suspects.length)} look wrong, first`;
  return `${many} ${first.join(", ")}`;
}

function classTable({ classes, macro, weighted }: Classification, style: Style): string {
  const isLong = classes.length > TABLE_CLASSES;
  const shown = isLong ? worstClasses(classes, WORST_CLASSES) : classes;
  const rows = shown.map(({ name, precision, recall, f1, support }) => [
    name,
    fixed(precision),
    fixed(recall),
    fixed(f1),
    grouped(support),
  ]);
  const total = classes.reduce((sum, { support }) => sum + support, 0);
  const mean = (name: string, { precision, recall, f1 }: ClassMeans): string[] => [
    name,
    fixed(precision),
    fixed(recall),
    fixed(f1),
    grouped(total),
  ];
  const means = [mean("mean", macro), mean("weighted", weighted)];
  const lines = columns(["class", "precision", "recall", "F1", "samples"], [...rows, ...means]);
  const more = isLong
    ? [style.dim(`(the ${shown.length} worst of ${grouped(classes.length)} classes; --json has all)`)]
    : [];
  return [style.dim(lines[0]), ...lines.slice(1, -2), ...more, ...lines.slice(-2).map(style.bold)].join("\n");
}

function confusionTable(
  classes: Classification["classes"],
  confusion: NonNullable<Classification["confusion"]>,
  style: Style,
): string {
  const longest = Math.max(...classes.map(({ name }) => displayWidth(name)));
  const room = Math.floor(MATRIX_WIDTH / classes.length);
  const digits = Math.max(...confusion.flat().map((count) => String(count).length));
  const width = Math.max(4, digits + 1, Math.min(longest + 1, room));
  const names = classes.map(({ name }) => shorten(name, 10));
  const left = Math.max(...names.map(displayWidth), 6);
  const top = names.map((name) => padStart(shorten(name, width - 1), width)).join("");
  const lines = [style.dim(`${"actual".padEnd(left)} │${top}   predicted`)];
  for (const [actual, row] of confusion.entries()) {
    const cells = row.map((count, predicted) => {
      const text = (count === 0 ? "·" : String(count)).padStart(width);
      if (actual === predicted) return style.good(text);
      return count === 0 ? style.dim(text) : style.bad(text);
    });
    lines.push(`${padEnd(names[actual], left)} ${style.dim("│")}${cells.join("")}`);
  }
  return lines.join("\n");
}

function shorten(text: string, width: number): string {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, Math.max(1, width - 1)).join("")}…`;
}

function fixed(share: number): string {
  return share.toFixed(4);
}

/** Two models on the same samples, and whether the difference between them means anything. @param names of the two */
export function formatComparison(
  [first, second]: readonly [string, string],
  comparison: PairedComparison,
  style: Style = PLAIN,
): string {
  const { samples, bothRight, bothWrong, onlyFirst, onlySecond, difference, interval, pValue } = comparison;
  const accuracy = (only: number): string => percent((bothRight + only) / samples);
  const rows = [
    [
      first,
      accuracy(onlyFirst),
      grouped(samples - bothRight - onlyFirst),
      `${grouped(onlyFirst)} that the other has wrong`,
    ],
    [
      second,
      accuracy(onlySecond),
      grouped(samples - bothRight - onlySecond),
      `${grouped(onlySecond)} that the other has wrong`,
    ],
  ];
  const [head, ...lines] = columns(["model", "accuracy", "wrong", "right"], rows);
  const points = (share: number): string => `${share >= 0 ? "+" : "−"}${Math.abs(100 * share).toFixed(2)}`;
  return [
    style.dim(head),
    ...lines,
    `both right ${grouped(bothRight)}, both wrong ${grouped(bothWrong)}`,
    `difference ${points(difference)} points (95 % interval ${points(interval.low)} to ${points(interval.high)}), ` +
      `McNemar's test p = ${pValue < 1e-4 ? pValue.toExponential(1) : pValue.toFixed(4)}`,
    style.bold(verdict(first, second, difference, pValue)),
  ].join("\n");
}

function verdict(first: string, second: string, difference: number, pValue: number): string {
  if (pValue >= SIGNIFICANT) return "These samples do not show that one is better than the other.";
  return `${difference > 0 ? first : second} is better: so large a difference is rarely chance.`;
}
