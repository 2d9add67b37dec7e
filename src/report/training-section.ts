/** How the training went: curves, a table of epochs, and pictures of what was trained on. */
import { mosaic } from "../data/mosaic.ts";
import { measureText, measureTitle } from "../task/measures.ts";
import { grouped, round } from "../task/text.ts";
import { lossChart, measureChart, rateChart } from "./charts.ts";
import { figure, html, htmlTable, type Markup } from "./html.ts";
import type { ReportInput } from "./input.ts";
import { image } from "./pictures.ts";

/** Epochs that the table lists; of more, the first, the last and the ones between at equal distances. */
const ROWS = 30;
const MOSAIC_COLUMNS = 16;

export async function trainingSection({ history, steps, batches, model }: ReportInput): Promise<Markup | undefined> {
  if (history.length === 0) return undefined;
  const { name } = model.task.primary;
  const isMeasured = history.some(({ validation, trainingAccuracy }) =>
    [validation?.[name], name === "accuracy" ? trainingAccuracy : undefined].some((value) => value !== undefined),
  );
  const pictures =
    batches &&
    figure(
      "First training batches",
      await image(mosaic(batches, MOSAIC_COLUMNS), `${batches.count} training samples`, "mosaic"),
      `${batches.count} samples as the network got them, augmentation included.`,
    );
  return html`<section><h2>Training</h2><div class="grid wide">
${figure("Loss", lossChart(steps, history))}
${isMeasured ? figure(capitalized(measureTitle(name)), measureChart(name, history), name === "accuracy" ? "The share of the training samples is counted while the weights change; it says little about new samples." : undefined) : undefined}
${steps.length > 1 ? figure("Learning rate", rateChart(steps)) : undefined}
${pictures}</div>
<details class="card"><summary>Every epoch</summary>${epochTable(history, name)}</details></section>`;
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function epochTable(history: ReportInput["history"], measure: string): Markup {
  const step = Math.ceil(history.length / ROWS);
  const shown = history.filter((_, i) => i % step === 0 || i === history.length - 1);
  const optional = (value: number | undefined, text: (value: number) => string): string =>
    value === undefined ? "–" : text(value);
  return htmlTable(
    ["epoch", "training loss", "validation loss", `validation ${measureTitle(measure)}`, "learning rate", "samples/s"],
    shown.map(({ epoch, trainingLoss, validation, lr, imagesPerSecond }) => [
      epoch,
      round(trainingLoss),
      optional(validation?.loss, round),
      optional(validation?.[measure], (value) => measureText(measure, value)),
      round(lr),
      optional(imagesPerSecond, (rate) => grouped(Math.round(rate))),
    ]),
  );
}
