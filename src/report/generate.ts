/** What a report says about a model that goes on with texts: how well it foresees them, and what it writes. */
import type { Dataset } from "../data/dataset.ts";
import { arraysFor } from "../data/port.ts";
import type { AnyModel, Model } from "../models/model.ts";
import type { GenerateEvaluation } from "../task/generate/evaluation.ts";
import type { Generate } from "../task/generate/generate.ts";
import { measureText } from "../task/measures.ts";
import { grouped, percent } from "../task/text.ts";
import { generate } from "../use/generate.ts";
import { html, type Markup } from "./html.ts";
import type { MeasuredData } from "./input.ts";
import { partsTable } from "./parts-table.ts";
import type { ReportView } from "./views.ts";

/** Texts that a report shows, and their most tokens: each token is a pass of the network. */
const TEXTS = 3;
const TOKENS = 80;

function score({ evaluation }: MeasuredData<GenerateEvaluation>): Markup {
  const { perplexity, bitsPerToken, accuracy, tokens, dataset } = evaluation;
  return html`<div class="score"><b>${measureText("perplexity", perplexity)}</b><small>perplexity on ${grouped(tokens)} tokens of ${dataset}<br/>${bitsPerToken.toFixed(3)} bits a token; ${percent(accuracy)} of the tokens were the likeliest</small></div>`;
}

async function results({ dataset }: MeasuredData<GenerateEvaluation>, model: AnyModel): Promise<Markup> {
  const writer = model as Model<Generate>;
  const prompt = beginningOf(dataset, writer);
  const written: Markup[] = [];
  for (let seed = 0; seed < TEXTS; seed++) {
    const text = await generate(writer, prompt, { length: TOKENS, seed });
    written.push(html`<pre class="text"><b>${prompt}</b>${text}</pre>`);
  }
  return html`<section><h2>What it writes</h2><p>${grouped(TOKENS)} tokens each, drawn by its probabilities, after what the first text begins with.</p>${written}</section>`;
}

/** What the first text of a data set begins with: one token. */
function beginningOf(dataset: Dataset, { task }: Model<Generate>): string {
  const sizes = dataset.sizes?.(0) ?? {};
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, 1, sizes);
  dataset.read([0], 0, 1, arrays, sizes);
  return task.tokenizer.decode([arrays.x[0]]);
}

export const view: ReportView = {
  score,
  results,
  counts: (parts) => partsTable(parts, "texts"),
  predictions: () => undefined,
};
