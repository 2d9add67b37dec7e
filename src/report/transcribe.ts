/** What a report says about a model that reads strings: how many are right as a whole, by length and with doubled symbols, how far it can be believed, the worst lines. */
import { onePicture, readPictures } from "../data/mosaic.ts";
import { describeTrained } from "../data/overlap.ts";
import type { Interval } from "../metrics/intervals.ts";
import { measureText } from "../task/measures.ts";
import { grouped, percent, percentInterval, round } from "../task/text.ts";
import type { StringShare, TranscribeEvaluation } from "../task/transcribe/evaluation.ts";
import { rejectionChart, reliabilityChart } from "./confidence-charts.ts";
import { figure, html, htmlTable, type Markup } from "./html.ts";
import type { MeasuredData } from "./input.ts";
import { partsTable } from "./parts-table.ts";
import { image } from "./pictures.ts";
import type { ReportView } from "./views.ts";

/** Wrong strings that are shown. */
const WORST = 24;

function score({ evaluation }: MeasuredData<TranscribeEvaluation>): Markup {
  const { accuracy, interval, count, hits, dataset, symbolErrorRate, symbolErrorInterval, trainedOn } = evaluation;
  const known =
    trainedOn === undefined || trainedOn.trained === 0
      ? undefined
      : html`<br/>${describeTrained(trainedOn, count)}; what is learned by heart counts here`;
  return html`<div class="score"><b>${percent(accuracy)}</b><small>of ${grouped(count)} strings of ${dataset} right as a whole, ${grouped(count - hits)} wrong<br/>95 % interval ${percentInterval(interval)}<br/>symbol error rate ${measureText("symbolErrorRate", symbolErrorRate)} (${percentInterval(symbolErrorInterval)})${known}</small></div>`;
}

/** Shares of the strings: by length, and those with a doubled symbol. */
function shares({ byLength, doubled, writers }: TranscribeEvaluation): Markup {
  const row = (name: string, { hits, total, accuracy, interval }: StringShare): string[] => [
    name,
    grouped(total),
    grouped(total - hits),
    percent(accuracy),
    percentInterval(interval),
  ];
  const rows = [
    ...byLength.map((part) => row(`${part.length} symbols`, part)),
    ...(doubled === undefined ? [] : [row("with a doubled symbol", doubled.with), row("without one", doubled.without)]),
  ];
  const how = writers > 1 ? `bootstrapped over ${grouped(writers)} writers` : "of Wilson";
  return figure(
    "Right as a whole",
    htmlTable(["strings", "how many", "wrong", "right", "95 % interval"], rows),
    `Intervals are ${how}.`,
  );
}

function confidence(evaluation: TranscribeEvaluation): Markup[] {
  const { calibration, calibrationInterval, rejection, rejectionIntervals } = evaluation;
  const within = (interval: Interval | undefined, text: (share: Interval) => string): string =>
    interval === undefined ? "" : ` (95 % interval ${text(interval)})`;
  const reach = rejection.reach.map(
    ({ accuracy, coverage, threshold }, i) =>
      `${percent(accuracy)} are right of the surest ${percent(coverage)}${within(rejectionIntervals[i], percentInterval)}, from ${percent(threshold)} on`,
  );
  const errorBetween = within(calibrationInterval, ({ low, high }) => `${round(low)} to ${round(high)}`);
  return [
    figure(
      "Reliability",
      reliabilityChart(calibration, undefined, "the probability of the string"),
      `Lines are 95 % intervals: bins with few samples say little. Expected calibration error ${round(calibration.expectedError)}${errorBetween}.`,
    ),
    figure(
      "Leaving the doubtful to a person",
      rejectionChart(rejection),
      reach.length === 0 ? undefined : `${reach.join("; ")}.`,
    ),
  ];
}

async function results({ evaluation, dataset }: MeasuredData<TranscribeEvaluation>): Promise<Markup> {
  return html`<section><h2>Strings</h2>${shares(evaluation)}</section>
<section><h2>Confidence</h2><div class="grid">${confidence(evaluation)}</div></section>
${await errors(evaluation, dataset)}`;
}

async function errors(
  evaluation: TranscribeEvaluation,
  dataset: MeasuredData<TranscribeEvaluation>["dataset"],
): Promise<Markup> {
  const worst = evaluation.worstErrors(WORST);
  if (worst.length === 0) return html`<section><h2>Errors</h2><p>Every string was read rightly.</p></section>`;
  const cells = await Promise.all(
    worst.map(async ({ index, truth, text, probability, writer }) => {
      // One by one: lines differ in their width.
      const pictures = readPictures(dataset, [index]);
      const picture = pictures && (await image(onePicture(pictures, 0), `sample ${index}`, "line"));
      const hand = writer === undefined ? "" : `, writer ${writer}`;
      return html`<div>${picture}<b>${truth === "" ? "nothing" : truth} → ${text === "" ? "nothing" : text}</b><br/>${percent(probability)}<br/>#${index}${hand}</div>`;
    }),
  );
  const caption =
    "What stands there → what was read, the probability that the model gave to that, and the number of the sample; those first that it was surest of.";
  return html`<section><h2>Errors</h2>${figure("Worst lines", html`<div class="gallery lines">${cells}</div>`, caption)}</section>`;
}

export const view: ReportView = {
  score,
  results,
  counts: (parts) => partsTable(parts, "strings"),
  predictions: () => undefined,
};
