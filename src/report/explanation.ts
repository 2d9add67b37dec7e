/**
 * One self-contained page about how a model reads a picture (use/explain.ts): the picture, what the network sees of it, what
 * speaks for and against the class, and what every layer makes of it. Without script and network, like a report.
 */
import { type MosaicPicture, mosaic } from "../data/mosaic.ts";
import { type Shape, sizeOf } from "../engine/shape.ts";
import { flattenAlpha, type Picture } from "../picture/picture.ts";
import { resize } from "../picture/resize.ts";
import type { Candidate } from "../task/classify/ranking.ts";
import { grouped, percent } from "../task/text.ts";
import type { Explanation, LayerActivation } from "../use/explain.ts";
import { figure, html, type Markup } from "./html.ts";
import { renderPage } from "./page.ts";
import { image } from "./pictures.ts";

/** What an explanation is shown with. */
export interface ExplanationInput {
  readonly explanation: Explanation;
  /** As it was given, before the model's preprocessing. */
  readonly picture: Picture;
  /** Name of the picture. */
  readonly name: string;
  /** The model's file. */
  readonly model: string;
  /** [height, width, channels] of what the network sees. */
  readonly inputShape: Shape;
  /** When, as ISO 8601. */
  readonly created: string;
}

/** Longer side of the picture on the page. */
const LONGEST_SIDE = 480;
const CLASSES = 5;
/** Above this, how much more probable is no news. */
const MOST_TIMES = 1_000_000;
/** Channels side by side at most; and features, each of which is one pixel. */
const COLUMNS = 8;
const FEATURE_COLUMNS = 32;
/** Of layers with more channels the first are shown. */
const MOST_CHANNELS = 64;

type Color = readonly [red: number, green: number, blue: number];
const BLACK: Color = [0, 0, 0];
const FOR: Color = [255, 150, 60];
const AGAINST: Color = [70, 150, 255];
const POSITIVE: Color = [255, 255, 255];
const NEGATIVE: Color = [70, 150, 255];
/** How bright the ink stays under the colors that lie on it. */
const FAINT = 0.3;

const OWN_STYLE = `
.pixels { width: 100%; height: auto; image-rendering: pixelated; border-radius: 6px; display: block; background: #000; }
.given { width: 100%; height: auto; border-radius: 6px; display: block; }
.legend i.for { background: rgb(${FOR}); } .legend i.against { background: rgb(${AGAINST}); }
.layers { grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); }
.layers h3 { overflow-wrap: anywhere; }
.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr)); }
.ranking { list-style: none; margin: 0; padding: 0; flex: 1 1 260px; max-width: 460px; font-variant-numeric: tabular-nums; }
.ranking li { display: flex; align-items: center; gap: 10px; }
.ranking b { min-width: 2ch; overflow-wrap: anywhere; } .ranking .bar { display: inline-block; flex: 1; margin: 0; } .ranking span:last-child { min-width: 9ch; text-align: right; }
`;

/** The text of the page. */
export async function renderExplanation(input: ExplanationInput): Promise<string> {
  const { explanation, name, model, created } = input;
  const { about, ranking, layers } = explanation;
  const asked = about.index === explanation.index ? undefined : html`, asked about “${about.name}”`;
  const content = html`<div class="hero"><div class="score"><b>${explanation.name}</b><small>${percent(explanation.probability)}</small></div>
${bars(shown(ranking, about))}</div>
<section><h2>The picture</h2><div class="grid three">
${figure("As it was given", await given(input))}
${figure("What the network sees", await seen(input), sizeText(input.inputShape))}
${figure(`What speaks for “${about.name}”`, await evidence(input), evidenceText(explanation))}</div></section>
<section><h2>Layer by layer</h2>
<p class="legend"><span>black: 0</span><span><i class="against"></i>below 0</span><span>white: above 0, each layer by its own largest value</span></p>
<div class="grid layers">${await Promise.all(layers.map(layerFigure))}</div></section>`;
  return renderPage({
    title: `${name}: ${explanation.name}`,
    heading: `Why “${about.name}”?`,
    subtitle: html`${name}, read by ${model} as “${explanation.name}”${asked}.`,
    style: OWN_STYLE,
    content,
    created,
  });
}

/** The first answers, and the one that was asked about. */
function shown(ranking: readonly Candidate[], about: Candidate): readonly Candidate[] {
  const first = ranking.slice(0, CLASSES);
  return first.some(({ index }) => index === about.index) ? first : [...first, about];
}

function bars(candidates: readonly Candidate[]): Markup {
  return html`<ol class="ranking">${candidates.map(
    ({ name, probability }) =>
      html`<li><b>${name}</b><span class="bar"><i style="width:${(100 * probability).toFixed(1)}%"></i></span><span>${percent(probability)}</span></li>`,
  )}</ol>`;
}

const sizeText = (shape: Shape): string => shape.filter((dim, axis) => axis < 2 || dim > 1).join("×");

async function given({ picture, name }: ExplanationInput): Promise<Markup> {
  const { width, height, channels, data } = flattenAlpha(picture, "auto");
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const [toHeight, toWidth] = [height, width].map((side) => Math.max(1, Math.round(side * scale)));
  const pixels = resize(data, height, width, channels, toHeight, toWidth);
  const bytes = Uint8Array.from(pixels, (value) => Math.round(value));
  return image({ width: toWidth, height: toHeight, channels, data: bytes }, name, "given");
}

function seen({ explanation, inputShape: [height, width, channels] }: ExplanationInput): Promise<Markup> {
  const picture: MosaicPicture = { height, width, channels: channels === 3 ? 3 : 1, data: explanation.seen };
  return image(picture, "what the network sees", "pixels");
}

/** Evidence in colors over faint ink. */
function evidence({ explanation, inputShape: [height, width, channels] }: ExplanationInput): Promise<Markup> {
  const strongest = largest(explanation.evidence);
  const data = new Uint8Array(height * width * 3);
  for (const [i, value] of explanation.evidence.entries()) {
    let ink = 0;
    for (let c = 0; c < channels; c++) ink += explanation.seen[i * channels + c] / channels;
    const share = Math.abs(value) / strongest;
    const color = value > 0 ? FOR : AGAINST;
    for (let c = 0; c < 3; c++) data[i * 3 + c] = Math.round(FAINT * ink * (1 - share) + color[c] * share);
  }
  const { about } = explanation;
  return image({ height, width, channels: 3, data }, `what speaks for and against ${about.name}`, "pixels");
}

function evidenceText({ evidence: values, about }: Explanation): Markup {
  const total = values.reduce((sum, value) => sum + value, 0);
  const times = Math.exp(Math.abs(total));
  const amount = times < MOST_TIMES ? grouped(Number(times.toPrecision(2))) : `more than ${grouped(MOST_TIMES)}`;
  return html`<span class="legend"><span><i class="for"></i>for</span><span><i class="against"></i>against</span></span>
All of it together makes “${about.name}” ${amount} times ${total < 0 ? "less" : "more"} probable than a black picture does. Integrated gradients, arXiv 1703.01365.`;
}

async function layerFigure({ name, kind, shape, values }: LayerActivation): Promise<Markup> {
  const isPicture = shape.length === 3;
  const channels = isPicture ? shape[2] : sizeOf(shape);
  const count = isPicture ? Math.min(channels, MOST_CHANNELS) : channels;
  const picture = isPicture ? channelMosaic(shape, values, count) : features(values);
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
  const part = count < channels ? `, the first ${grouped(count)} channels` : "";
  const caption = `${shape.join("×")}${part}; from ${low.toPrecision(3)} to ${high.toPrecision(3)}`;
  const body = await image(picture, `${grouped(count)} ${isPicture ? "channels" : "features"} of ${name}`, "pixels");
  return figure(`${name} · ${kind}`, body, caption);
}

/** [height, width, channels] as one picture of each channel. */
function channelMosaic([height, width, channels]: Shape, values: Float32Array, count: number): MosaicPicture {
  const color = shade(values);
  const data = new Uint8Array(count * height * width * 3);
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < height * width; i++) {
      data.set(color(values[i * channels + c]), (c * height * width + i) * 3);
    }
  }
  // Channels come in powers of two, mostly: rows are full then.
  const columns = Math.min(COLUMNS, 2 ** Math.ceil(Math.log2(count) / 2));
  return mosaic({ height, width, channels: 3, data, count }, columns);
}

/** One pixel for each feature. */
function features(values: Float32Array): MosaicPicture {
  const width = Math.min(FEATURE_COLUMNS, values.length);
  const height = Math.ceil(values.length / width);
  const data = new Uint8Array(width * height * 3);
  const color = shade(values);
  for (const [i, value] of values.entries()) data.set(color(value), i * 3);
  return { height, width, channels: 3, data };
}

/** The largest magnitude; 1 where all are 0. */
const largest = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;

/** The color of a value of a layer: 0 is black. */
function shade(values: Float32Array): (value: number) => Color {
  const strongest = largest(values);
  return (value) => {
    const share = Math.abs(value) / strongest;
    const color = value > 0 ? POSITIVE : value < 0 ? NEGATIVE : BLACK;
    return [color[0] * share, color[1] * share, color[2] * share];
  };
}
