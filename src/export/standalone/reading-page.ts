/**
 * The page of an exported reader: takes a picture (a file, a photograph, what is dropped or pasted), has a worker read it
 * (reading-worker.ts), and shows what was read over the picture and in a list, with what a person should look at.
 */
import { DuctusError } from "../../engine/errors.ts";
import { boxAround, type NumberAnswer, type PageAnswer } from "../../read/answers.ts";
import { readingsCsv } from "../../read/readings-csv.ts";
import { hasLiveView, takePhotograph } from "./camera.ts";
import { moduleOfPage } from "./module-of-page.ts";
import type { ReadReply, ReadRequest } from "./reading-worker.ts";

/** Labels over the picture: so high in parts of their box, but between so many pixels on the screen. */
const LABEL = { part: 0.5, least: 12, most: 20 };

const SVG = "http://www.w3.org/2000/svg";
const element = <T extends Element = HTMLElement>(id: string): T => document.getElementById(id) as unknown as T;
const [sheet, status, problem, list, progress] = ["sheet", "status", "problem", "numbers", "progress"].map((id) =>
  element(id),
);
const picture = element<HTMLImageElement>("picture");
const overlay = element<SVGSVGElement>("overlay");
const percent = (part: number): string => `${(100 * part).toFixed(1)}\u00a0%`;
const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`;

const script = element("worker").textContent ?? "";
const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
worker.postMessage(moduleOfPage());

/** What is shown: the picture that was asked for last, and what was read of it. */
let asked = 0;
let name = "";
let read: PageAnswer | undefined;

/** Begins to read a picture; what was read before is gone. */
function open(file: File): void {
  asked++;
  name = file.name;
  read = undefined;
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  document.body.classList.add("filled");
  element("page").hidden = false;
  overlay.replaceChildren();
  list.replaceChildren();
  element("copy").hidden = problem.hidden = true;
  progress.hidden = false;
  element("time").textContent = "";
  say("Looking for numbers …");
  worker.postMessage({ id: asked, picture: file } satisfies ReadRequest);
}

worker.onmessage = ({ data }: MessageEvent<ReadReply>) => {
  if (data.id === asked) REPLIES[data.kind](data as never);
};
worker.onerror = ({ message }) => fail(`the page failed: ${message || "its worker did not start"}`);

const REPLIES: { readonly [K in ReadReply["kind"]]: (reply: Extract<ReadReply, { kind: K }>) => void } = {
  found: ({ width, height, quads }) => {
    overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    overlay.replaceChildren(...quads.map((quad) => marked({ quad }, "found")));
    say(`Reading ${count(quads.length, "place")} …`);
  },
  read: ({ answer, milliseconds }) => {
    read = answer;
    show(answer);
    element("time").textContent = `Read in ${(milliseconds / 1000).toFixed(2)} s. `;
  },
  failed: ({ message }) => fail(message),
};

function fail(message: string): void {
  overlay.replaceChildren();
  progress.hidden = true;
  say("");
  complain(message);
  if (read !== undefined) return;
  document.body.classList.remove("filled");
  element("page").hidden = true;
}

function complain(message: string | undefined): void {
  problem.hidden = message === undefined;
  problem.textContent = message ?? "";
}

function say(text: string, more = ""): void {
  const small = document.createElement("small");
  small.textContent = more;
  status.replaceChildren(text, ...(more === "" ? [] : [small]));
}

function show({ width, height, numbers, problem: wrong }: PageAnswer): void {
  progress.hidden = true;
  complain(wrong && wrong[0].toUpperCase() + wrong.slice(1));
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  // A place without ink is no news; how many there are stands above the list.
  const shown = numbers.filter(({ refused }) => refused !== "nothing there");
  const marks = shown.map((number) => marked(number, number.refused && "refused"));
  const rows = shown.map(rowOf);
  overlay.replaceChildren(...marks);
  list.replaceChildren(...rows.map(({ item }) => item));
  for (const [i, mark] of marks.entries()) {
    const { button } = rows[i];
    const select = (isChosen: boolean): void => {
      for (const each of [...marks, ...rows.map((row) => row.button)]) each.classList.remove("current");
      mark.classList.add("current");
      button.classList.add("current");
      // What was chosen here is brought into view there.
      if (isChosen) button.scrollIntoView({ block: "nearest" });
    };
    mark.addEventListener("click", () => {
      select(true);
      button.focus({ preventScroll: true });
    });
    button.addEventListener("focus", () => select(false));
    button.addEventListener("pointerenter", () => select(false));
  }
  const unsure = shown.filter(({ refused }) => refused !== undefined).length;
  const empty = numbers.length - shown.length;
  const more = [
    ...(unsure > 0 ? [`${unsure} to look at`] : []),
    ...(empty > 0 ? [count(empty, "empty place")] : []),
  ].join(", ");
  say(shown.length === 0 ? "No numbers" : `${count(shown.length - unsure, "number")} read`, more);
  element("copy").hidden = shown.length === 0;
  label();
}

/** A place, and what was read there, over the picture. */
function marked({ quad, ...number }: Pick<NumberAnswer, "quad"> & Partial<NumberAnswer>, kind = ""): SVGGElement {
  const [group, polygon, text, title] = ["g", "polygon", "text", "title"].map((tag) =>
    document.createElementNS(SVG, tag),
  ) as [SVGGElement, ...SVGElement[]];
  polygon.setAttribute("points", quad.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "));
  group.append(polygon);
  if (kind !== "") group.classList.add(kind);
  if (number.text === undefined) return group;
  title.textContent = [number.text, percent(number.probability ?? 0), number.refused].filter(Boolean).join(", ");
  text.textContent = number.text;
  const [left, top, , height] = boxAround(quad);
  Object.assign(text.dataset, { top, height });
  text.setAttribute("x", String(left));
  group.append(title, text);
  return group;
}

/** Sizes of labels, which stay legible however small the picture is shown. */
function label(): void {
  const shown = overlay.clientWidth / (overlay.viewBox.baseVal.width || 1);
  for (const text of overlay.querySelectorAll("text")) {
    const { top = 0, height = 0 } = text.dataset;
    const onScreen = Math.max(LABEL.least, Math.min(LABEL.most, LABEL.part * Number(height) * shown));
    const size = onScreen / Math.max(shown, 1e-6);
    text.setAttribute("font-size", size.toFixed(1));
    text.setAttribute("y", Math.max(size, Number(top) - 0.2 * size).toFixed(1));
  }
}
new ResizeObserver(label).observe(element("page"));

function rowOf({ text, probability, refused, alternatives, crop }: NumberAnswer) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const [said, sure, track, bar, why] = ["span", "span", "i", "b", "span"].map((tag) => document.createElement(tag));
  said.className = "text";
  said.textContent = text === "" ? "–" : text;
  sure.className = "sure";
  sure.textContent = percent(probability);
  track.append(bar);
  track.ariaHidden = "true";
  bar.style.transform = `scaleX(${probability})`;
  if (crop !== undefined) button.append(drawnCrop(crop));
  button.append(said, sure, track);
  if (refused !== undefined) {
    button.className = "refused";
    const [other] = alternatives;
    why.className = "why";
    why.textContent = `${refused}${other !== undefined && other.text !== "" ? `; perhaps ${other.text}` : ""}`;
    button.append(why);
  }
  item.append(button);
  return { item, button };
}

/** What the network saw of a place: ink in the color of the text, on nothing. */
function drawnCrop({ data, width, height }: NonNullable<NumberAnswer["crop"]>): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.ariaHidden = "true";
  const image = new ImageData(width, height);
  const [red, green, blue] = matchMedia("(prefers-color-scheme: dark)").matches ? [239, 237, 244] : [29, 28, 34];
  for (let i = 0; i < data.length; i++) image.data.set([red, green, blue, 255 - data[i]], 4 * i);
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

const copy = element<HTMLButtonElement>("copy");
copy.addEventListener("click", async () => {
  if (read === undefined) return;
  await copied(readingsCsv([{ name, numbers: read.numbers }]));
  const { textContent } = copy;
  copy.textContent = "Copied";
  setTimeout(() => {
    copy.textContent = textContent;
  }, 1500);
});

async function copied(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages from a file may have no clipboard of that kind.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

const first = (files: FileList | null | undefined): File | undefined => files?.[0];
const openFirst = (files: FileList | null | undefined): void => {
  const file = first(files);
  if (file !== undefined) open(file);
};
for (const id of ["file", "shot"]) {
  const input = element<HTMLInputElement>(id);
  input.addEventListener("change", () => {
    openFirst(input.files);
    input.value = "";
  });
}
for (const place of [element("choose"), element("invitation")]) {
  place.addEventListener("click", () => element("file").click());
}
const hasCamera = matchMedia("(pointer: coarse)").matches;
element("photograph").hidden = !hasCamera && !hasLiveView();
element("photograph").addEventListener("click", async () => {
  if (hasCamera) return element("shot").click();
  try {
    const taken = await takePhotograph();
    if (taken !== undefined) open(taken);
  } catch (error) {
    if (!(error instanceof DuctusError)) throw error;
    complain(error.message);
  }
});
addEventListener("paste", (event) => openFirst(event.clipboardData?.files));
for (const type of ["dragover", "dragleave", "drop"] as const) {
  addEventListener(type, (event) => {
    event.preventDefault();
    sheet.classList.toggle("over", type === "dragover");
    if (type === "drop") openFirst(event.dataTransfer?.files);
  });
}
