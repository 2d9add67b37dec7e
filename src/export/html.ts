/**
 * `--to html`: one page that works offline, since everything is in the file. Of a model that classifies pictures it has a drawing pad and reads as
 * one draws; of a model that reads lines of writing it takes photographs, finds the numbers in them and reads those.
 */
import type { AnyModel, Model } from "../models/model.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import {
  PAGE_HTML,
  PAGE_SCRIPT,
  PAGE_STYLE,
  READING_HTML,
  READING_SCRIPT,
  READING_STYLE,
  READING_WORKER,
} from "./bundle.ts";
import { checkLines, encodeLines, speedOfLines } from "./line-module.ts";
import { checkRecognizer, type Exported, encodeRecognizer } from "./recognizer.ts";
import { speedOf } from "./timing.ts";

/** So many names are listed on the page; of more, the first few. */
const LISTED = 40;

/**
 * The page, one file.
 * @param name of the file, without suffix
 * @param title shown above the pad; default: fits what the model tells apart
 * @throws DuctusError when the module does not agree with the model, UsageError when that carries no preprocessing
 */
export async function exportHtml(model: Model, name: string, title = titleFor(model.task.names)): Promise<Exported> {
  const module = await encodeRecognizer(model);
  const agreement = await checkRecognizer(model, module);
  const { names } = model.task;
  const hint = names.length <= LISTED ? names.join("  ") : `${names.slice(0, LISTED).join("  ")}  …`;
  const code = { style: PAGE_STYLE, script: PAGE_SCRIPT };
  const files = new Map([[`${name}.html`, page(PAGE_HTML, { model, title, hint, module: module.bytes }, code)]]);
  return { files, agreement, speed: await speedOf(module.bytes) };
}

/**
 * The same of a model that reads lines of writing.
 * @param title shown above the picture; default: fits what the model reads
 * @throws DuctusError when the module does not agree with the model
 */
export async function exportReadingHtml(
  model: Model<Transcribe>,
  name: string,
  title = model.task.names.some((symbol) => /\p{N}/u.test(symbol)) ? "Read numbers" : "Read lines",
): Promise<Exported> {
  const module = await encodeLines(model);
  const agreement = await checkLines(model, module);
  const hint =
    "Photograph a page, a form or a card: what is written on it is found and read, and what is unsure is left to you.";
  const code = { style: READING_STYLE, script: READING_SCRIPT, worker: READING_WORKER };
  const files = new Map([[`${name}.html`, page(READING_HTML, { model, title, hint, module: module.bytes }, code)]]);
  return { files, agreement, speed: await speedOfLines(module) };
}

/** What a page shows of its model, and the module that reads. */
interface PageContent {
  readonly model: AnyModel;
  readonly title: string;
  readonly hint: string;
  readonly module: Uint8Array;
}

/** @param code styles and scripts by their places in the template */
function page(
  template: string,
  { model, title, hint, module }: PageContent,
  code: Readonly<Record<string, string>>,
): string {
  const { architecture, network } = model;
  let weights = 0;
  for (const [, parameter] of network.namedParameters()) weights += parameter.size;
  const about = `${architecture?.name ?? "A network"} of ${weights.toLocaleString("en")} weights, made with Ductus.`;
  const texts = Object.entries({ title, heading: title, hint, about }).map(([key, text]) => [key, escapeHtml(text)]);
  const codes = Object.entries(code).map(([key, text]) => [key, text.replaceAll("</script", "<\\/script")]);
  const parts: Readonly<Record<string, string>> = Object.fromEntries([...texts, ...codes, ["model", base64(module)]]);
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name]);
}

function titleFor(names: readonly string[]): string {
  if (names.every((name) => /^\d$/.test(name))) return "Draw a digit";
  return names.every((name) => /^\p{Letter}$/u.test(name)) ? "Draw a letter" : "Draw one of these";
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (letter) => ENTITIES[letter]);

/** In pieces: arguments of a call are limited. Three bytes make four letters, so pieces are multiples of three. */
function base64(bytes: Uint8Array): string {
  const PIECE = 3 * 8192;
  let text = "";
  for (let i = 0; i < bytes.length; i += PIECE) text += btoa(String.fromCharCode(...bytes.subarray(i, i + PIECE)));
  return text;
}
