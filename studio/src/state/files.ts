/** Files that come into the page, dropped anywhere or chosen: models are opened, pictures are read. */
import { signal } from "@preact/signals";
import { texts } from "../i18n/i18n.ts";
import { isPicture, pixelsOf } from "../ui/pictures.ts";
import { openFile } from "./models.ts";
import { attempt, fail, say } from "./notices.ts";
import { ink } from "./pad.ts";
import { go, route } from "./route.ts";

export const MODEL_TYPES = ".safetensors,.onnx,.wasm,.html,.htm";
const MODEL_NAME = /\.(safetensors|onnx|wasm|html?)$/i;

/** Whether something is being dragged over the page. */
export const isDragging = signal(false);

export function openFiles(files: readonly File[]): void {
  const [file] = files;
  if (file === undefined) return;
  if (MODEL_NAME.test(file.name)) attempt(() => openModel(file));
  else if (!isPicture(file)) fail(texts.value.open.unknown(file.name));
  else if (route.value.view === "make") fail(texts.value.make.dropOnClass);
  else readPicture(file);
}

export function readPicture(file: File): void {
  attempt(async () => {
    ink.show(await pixelsOf(file, file.name));
    go("draw");
  });
}

async function openModel(file: File): Promise<void> {
  say(texts.value.open.opening(file.name));
  const { name } = await openFile(new Uint8Array(await file.arrayBuffer()), file.name);
  go("draw");
  say(texts.value.open.opened(name));
}

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;

addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  isDragging.value = true;
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) isDragging.value = false;
});
// Before all others, so that it ends wherever the files fall.
addEventListener(
  "drop",
  () => {
    isDragging.value = false;
  },
  { capture: true },
);
addEventListener("drop", (event) => {
  if (event.defaultPrevented || !hasFiles(event)) return;
  event.preventDefault();
  openFiles([...(event.dataTransfer?.files ?? [])]);
});
