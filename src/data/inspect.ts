/** Looks at a data set before training: how many of each class, how bright, and what the pictures look like. */
import type { ImageDataset } from "./dataset.ts";

/** What {@link describeData} finds. */
export interface DataDescription {
  readonly name: string;
  readonly origin: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly polarity: "light-on-dark" | "dark-on-light";
  readonly classes: readonly { readonly name: string; readonly count: number }[];
  /** Of the pixels as 0 … 1, over all channels. */
  readonly mean: number;
  readonly std: number;
}

/** Counts and pixel statistics of a data set. */
export function describeData(dataset: ImageDataset): DataDescription {
  const counts = new Array<number>(dataset.classes.length).fill(0);
  for (let i = 0; i < dataset.length; i++) counts[dataset.label(i)]++;
  const histogram = new Float64Array(256);
  for (const value of dataset.images) histogram[value]++;
  let sum = 0;
  let squares = 0;
  for (const [value, times] of histogram.entries()) {
    sum += times * value;
    squares += times * value * value;
  }
  const pixels = Math.max(1, dataset.images.length);
  const mean = sum / pixels;
  const [height, width, channels] = dataset.inputShape;
  const { name, origin, polarity } = dataset;
  return {
    name,
    origin,
    count: dataset.length,
    height,
    width,
    channels,
    polarity,
    classes: dataset.classes.map((className, index) => ({ name: className, count: counts[index] })),
    mean: mean / 255,
    std: Math.sqrt(Math.max(0, squares / pixels - mean * mean)) / 255,
  };
}

/** Up to `perClass` samples of every class, first ones first. */
export function firstOfEachClass(dataset: ImageDataset, perClass = 1): number[] {
  const found = dataset.classes.map((): number[] => []);
  for (let i = 0; i < dataset.length; i++) {
    const members = found[dataset.label(i)];
    if (members.length < perClass) members.push(i);
  }
  return found.flat();
}

/** How {@link previewRows} draws. */
export interface PreviewOptions {
  /** Gray shades by terminal colors (256-color escape sequences); default false: black and white blocks. */
  readonly color?: boolean | undefined;
  /** Columns between two pictures; default 1. */
  readonly gap?: number | undefined;
}

/** Pictures side by side as lines of text, two rows of pixels a line; ink is drawn light whatever its polarity. */
export function previewRows(
  dataset: ImageDataset,
  indices: readonly number[],
  options: PreviewOptions = {},
): readonly string[] {
  const [height] = dataset.inputShape;
  const cell = options.color === true ? shadedCell : plainCell;
  const gap = " ".repeat(options.gap ?? 1);
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    lines.push(indices.map((index) => previewLine(dataset, index, y, cell)).join(gap));
  }
  return lines;
}

type Cell = (upper: number, lower: number) => string;

function previewLine(dataset: ImageDataset, index: number, y: number, cell: Cell): string {
  const [height, width, channels] = dataset.inputShape;
  const image = dataset.image(index);
  const brightness = (row: number, x: number): number => {
    if (row >= height) return 0;
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += image[(row * width + x) * channels + c];
    const value = sum / channels;
    return dataset.polarity === "light-on-dark" ? value : 255 - value;
  };
  let line = "";
  for (let x = 0; x < width; x++) line += cell(brightness(y, x), brightness(y + 1, x));
  return line;
}

function plainCell(upper: number, lower: number): string {
  return " ▀▄█"[(upper >= 96 ? 1 : 0) + (lower >= 96 ? 2 : 0)];
}

/** Foreground paints the upper half of the cell, background the lower; 232 … 255 are the terminal's 24 grays. */
function shadedCell(upper: number, lower: number): string {
  const shade = (value: number): number => 232 + Math.round((value / 255) * 23);
  return `\u001b[38;5;${shade(upper)}m\u001b[48;5;${shade(lower)}m▀\u001b[0m`;
}
