/** What a report says about a model that reads strings: how many are right as a whole, the symbols that are not, the worst lines. */
import { onePicture, readPictures } from "../data/mosaic.ts";
import { measureText } from "../task/measures.ts";
import { grouped, percent, percentInterval } from "../task/text.ts";
import type { TranscribeEvaluation } from "../task/transcribe/evaluation.ts";
import { figure, html, type Markup } from "./html.ts";
import type { MeasuredData } from "./input.ts";
import { partsTable } from "./parts-table.ts";
import { image } from "./pictures.ts";
import type { ReportView } from "./views.ts";

/** Wrong strings that are shown. */
const WORST = 24;

function score({ evaluation }: MeasuredData<TranscribeEvaluation>): Markup {
  const { accuracy, interval, count, hits, dataset, symbolErrorRate } = evaluation;
  return html`<div class="score"><b>${percent(accuracy)}</b><small>of ${grouped(count)} strings of ${dataset} right as a whole, ${grouped(count - hits)} wrong<br/>95 % interval ${percentInterval(interval)}<br/>symbol error rate ${measureText("symbolErrorRate", symbolErrorRate)}</small></div>`;
}

async function results({ evaluation, dataset }: MeasuredData<TranscribeEvaluation>): Promise<Markup> {
  const worst = evaluation.worstErrors(WORST);
  if (worst.length === 0) return html`<section><h2>Errors</h2><p>Every string was read rightly.</p></section>`;
  const pictures = readPictures(
    dataset,
    worst.map(({ index }) => index),
  );
  const cells = await Promise.all(
    worst.map(async ({ index, truth, text, probability }, i) => {
      const picture = pictures && (await image(onePicture(pictures, i), `sample ${index}`, "thumb"));
      return html`<div>${picture}<b>${truth} → ${text}</b><br/>${percent(probability)}<br/>#${index}</div>`;
    }),
  );
  const caption =
    "What stands there → what was read, the probability that the model gave to that, and the number of the sample; those first that it was surest of.";
  return html`<section><h2>Errors</h2>${figure("Worst lines", html`<div class="gallery">${cells}</div>`, caption)}</section>`;
}

export const view: ReportView = {
  score,
  results,
  counts: (parts) => partsTable(parts, "strings"),
  predictions: () => undefined,
};
