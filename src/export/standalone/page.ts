/** The page of an exported recognizer: draws, reads while one draws, and shows what the network sees and thinks. */
import { DataError } from "../../engine/errors.ts";
import { counting } from "./counting.ts";
import { moduleOfPage } from "./module-of-page.ts";
import { Pad } from "./pad.ts";
import { openRecognizer, type Reading } from "./recognizer.ts";

/** Shorter side of the drawing as it is read: like a scan of it. */
const SCAN = 256;
/** Of more classes than this, only the likeliest are shown. */
const MOST_BARS = 10;
/** An answer that is less probable is shown as a guess. */
const SURE = 0.5;

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const [answer, confidence, time] = ["answer", "confidence", "time"].map((id) => element(id));
const percent = (part: number): string => `${(100 * part).toFixed(1)}\u00a0%`;

const {
  labels,
  inputShape,
  see,
  characters,
  noneOfThese,
  read: readSeen,
} = counting(await openRecognizer(moduleOfPage()));
const [height, width, channels] = inputShape;

const seen = element<HTMLCanvasElement>("seen");
seen.width = width;
seen.height = height;
element("size").textContent = `${width}\u00a0×\u00a0${height}`;
if (/Mac|iP/.test(navigator.platform)) element("undo-key").textContent = "⌘ Z";

const bars = Array.from({ length: Math.min(labels.length, MOST_BARS) }, () => {
  const item = document.createElement("li");
  const [label, track, bar, value] = ["span", "i", "b", "span"].map((tag) => document.createElement(tag));
  track.append(bar);
  track.ariaHidden = "true";
  item.append(label, track, value);
  element("bars").append(item);
  return { item, label, bar, value };
});

element("bars").classList.toggle(
  "words",
  labels.some((label) => label.length > 2),
);

function showSeen(pixels: Uint8Array | undefined): void {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[i * 4 + c] = pixels?.[i * channels + (channels === 3 ? c : 0)] ?? 0;
    image.data[i * 4 + 3] = 255;
  }
  seen.getContext("2d")?.putImageData(image, 0, 0);
}

/** Few classes keep their order, so that bars do not jump; of many the likeliest are listed. */
function showReadings(readings: readonly Reading[] | undefined): void {
  const [best] = readings ?? [];
  answer.textContent = best?.label ?? "";
  answer.classList.toggle("word", (best?.label.length ?? 0) > 3);
  answer.classList.toggle("unsure", best !== undefined && best.probability < SURE);
  confidence.textContent =
    best === undefined ? "" : `${best.probability < SURE ? "perhaps, " : ""}${percent(best.probability)}`;
  const byLabel = new Map(readings?.map((reading) => [reading.label, reading]));
  const listed =
    labels.length > MOST_BARS && readings !== undefined
      ? readings.slice(0, MOST_BARS)
      : labels.slice(0, MOST_BARS).map((label) => byLabel.get(label) ?? { label, probability: 0 });
  for (const [i, { item, label, bar, value }] of bars.entries()) {
    const reading = listed[i];
    label.textContent = reading.label;
    bar.style.transform = `scaleX(${reading.probability})`;
    value.textContent = readings === undefined ? "–" : percent(reading.probability);
    item.classList.toggle("first", reading.label === best?.label);
  }
}

function read(): void {
  element<HTMLButtonElement>("clear").disabled = element<HTMLButtonElement>("undo").disabled = pad.isEmpty;
  document.body.classList.toggle("drawn", !pad.isEmpty);
  let [readings, pixels]: [Reading[]?, Uint8Array?] = [];
  let several = 0;
  let none: string | undefined;
  if (!pad.isEmpty) {
    const picture = pad.pixels(SCAN);
    const start = performance.now();
    try {
      pixels = see(picture);
      readings = readSeen(pixels);
      time.textContent = `Read in ${Math.max(0.1, performance.now() - start).toFixed(1)} ms. `;
      several = characters(picture);
      none = noneOfThese(pixels);
    } catch (error) {
      if (!(error instanceof DataError)) throw error; // too little ink yet
    }
  }
  showSeen(pixels);
  showReadings(readings);
  if (several > 1) confidence.textContent = `${several} characters found; this model reads one at a time`;
  else if (none !== undefined) {
    answer.textContent = "";
    confidence.textContent = none;
  }
}

let waiting = false;
/** Reads once a frame, however many points a pen sends. */
function readSoon(): void {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    read();
  });
}

const pad = new Pad(element<HTMLCanvasElement>("pad"), readSoon);
element("clear").addEventListener("click", () => pad.clear());
element("undo").addEventListener("click", () => pad.undo());
addEventListener("keydown", (event) => {
  if (event.key === "Escape" || event.key === "Delete") pad.clear();
  else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    pad.undo();
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => pad.redraw());
read();
