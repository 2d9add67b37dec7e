/** `--to html`: one page with a drawing pad that reads as one draws; everything is in the file, so it works offline. */
import type { Model } from "../models/model.ts";
import { PAGE_HTML, PAGE_SCRIPT, PAGE_STYLE } from "./bundle.ts";
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
  const files = new Map([[`${name}.html`, page(model, title, module.bytes)]]);
  return { files, agreement, speed: await speedOf(module.bytes) };
}

function page(model: Model, title: string, module: Uint8Array): string {
  const { architecture, network } = model;
  const { names } = model.task;
  let weights = 0;
  for (const [, parameter] of network.namedParameters()) weights += parameter.size;
  const parts: Readonly<Record<string, string>> = {
    title: escapeHtml(title),
    heading: escapeHtml(title),
    hint: escapeHtml(names.length <= LISTED ? names.join("  ") : `${names.slice(0, LISTED).join("  ")}  …`),
    about: escapeHtml(
      `${architecture?.name ?? "A network"} of ${weights.toLocaleString("en")} weights, made with Ductus.`,
    ),
    style: PAGE_STYLE,
    script: PAGE_SCRIPT.replaceAll("</script", "<\\/script"),
    model: base64(module),
  };
  return PAGE_HTML.replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name]);
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
