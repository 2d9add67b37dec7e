/** How the training went: curves, a table of epochs, and pictures of what was trained on. */
import { mosaic } from "../data/mosaic.ts";
import { grouped, percent, round } from "../task/text.ts";
import { accuracyChart, lossChart, rateChart } from "./charts.ts";
import { figure, html, htmlTable, type Markup } from "./html.ts";
import type { ReportInput } from "./input.ts";
import { image } from "./pictures.ts";

/** Epochs that the table lists; of more, the first, the last and the ones between at equal distances. */
const ROWS = 30;
const MOSAIC_COLUMNS = 16;

export async function trainingSection({ history, steps, batches }: ReportInput): Promise<Markup | undefined> {
  if (history.length === 0) return undefined;
  const hasShares = history.some(({ trainingAccuracy }) => trainingAccuracy !== undefined);
  const pictures =
    batches &&
    figure(
      "First training batches",
      await image(mosaic(batches, MOSAIC_COLUMNS), `${batches.count} training samples`, "mosaic"),
      `${batches.count} samples as the network got them, augmentation included.`,
    );
  return html`<section><h2>Training</h2><div class="grid wide">
${figure("Loss", lossChart(steps, history))}
${hasShares ? figure("Recognised", accuracyChart(history), "The share of the training samples is counted while the weights change; it says little about new samples.") : undefined}
${steps.length > 1 ? figure("Learning rate", rateChart(steps)) : undefined}
${pictures}</div>
<details class="card"><summary>Every epoch</summary>${epochTable(history)}</details></section>`;
}

function epochTable(history: ReportInput["history"]): Markup {
  const step = Math.ceil(history.length / ROWS);
  const shown = history.filter((_, i) => i % step === 0 || i === history.length - 1);
  const optional = (value: number | undefined, text: (value: number) => string): string =>
    value === undefined ? "–" : text(value);
  return htmlTable(
    ["epoch", "training loss", "validation loss", "validation accuracy", "learning rate", "images/s"],
    shown.map(({ epoch, trainingLoss, validation, lr, imagesPerSecond }) => [
      epoch,
      round(trainingLoss),
      optional(validation?.loss, round),
      optional(validation?.accuracy, percent),
      round(lr),
      optional(imagesPerSecond, (rate) => grouped(Math.round(rate))),
    ]),
  );
}
