/** Files that come into the page, dropped anywhere or chosen: models are opened, a picture is read, folders and ZIPs are samples. */
import { signal } from "@preact/signals";
import { texts } from "../i18n/i18n.ts";
import { isPicture, pixelsOf } from "../ui/pictures.ts";
import { bringIn, chosenFiles, droppedFiles, hasFolder, type Incoming, isArchive } from "./incoming.ts";
import { openFile } from "./models.ts";
import { attempt, fail, messageOf, report, say } from "./notices.ts";
import { ink } from "./pad.ts";
import { projects } from "./projects.ts";
import { go, route } from "./route.ts";

export const MODEL_TYPES = ".safetensors,.onnx,.wasm,.html,.htm";
const MODEL_NAME = /\.(safetensors|onnx|wasm|html?)$/i;

/** Whether something is being dragged over the page. */
export const isDragging = signal(false);

/** Files that are for the view that reads pages, whose code is fetched with it. */
export function toPages(files: readonly File[] | Promise<readonly File[]>): void {
  attempt(async () => (await import("./pages.ts")).takeFiles(await files));
}

/** Opens models and reads a picture; what can be neither is told file by file. */
export function openFiles(files: readonly File[]): void {
  const t = texts.value;
  if (files.some(isArchive)) {
    bring(chosenFiles(files));
    return;
  }
  const problems: string[] = [];
  const pictures = files.filter(isPicture);
  const models = files.filter(({ name }) => MODEL_NAME.test(name));
  for (const file of files) {
    if (!pictures.includes(file) && !models.includes(file)) problems.push(t.open.unknown(file.name));
  }
  const isMaking = route.value.view === "make";
  for (const { name } of isMaking ? pictures : pictures.slice(1)) {
    problems.push(isMaking ? t.make.dropOnClass(name) : t.open.onePicture(name));
  }
  attempt(async () => {
    for (const file of models) {
      await openModel(file).catch((error) => problems.push(messageOf(error)));
    }
    const [picture] = isMaking ? [] : pictures;
    if (picture !== undefined) await readPicture(picture).catch((error) => problems.push(messageOf(error)));
    if (problems.length === 1) fail(problems[0]);
    else if (problems.length > 1) report(t.open.someFailed, problems);
  });
}

/** Folders and archives become samples: of the recognizer in sight, or of a new one. */
function bring(files: readonly Incoming[] | Promise<readonly Incoming[]>): void {
  const { view, id } = route.value;
  const into = view === "make" ? projects.value.find((project) => project.id === id) : undefined;
  attempt(async () => {
    say(texts.value.make.incoming.start);
    await bringIn(await files, into);
  });
}

/** Of a field for a whole folder, or for archives. */
export const bringFiles = (files: readonly File[]): void => bring(chosenFiles(files));

const fileOf = ({ path, file }: Incoming): File => (file instanceof File ? file : new File([file], path));

async function readPicture(file: File): Promise<void> {
  ink.show(await pixelsOf(file, file.name));
  go("draw");
}

/** A picture that was chosen for the pad. */
export const showPicture = (file: File): void => attempt(() => readPicture(file));

async function openModel(file: File): Promise<void> {
  say(texts.value.open.opening(file.name));
  const { name } = await openFile(new Uint8Array(await file.arrayBuffer()), file.name);
  await go("draw");
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
  const { dataTransfer } = event;
  if (dataTransfer === null) return;
  if (route.value.view === "pages") toPages(droppedFiles(dataTransfer).then((all) => all.map(fileOf)));
  else if (hasFolder(dataTransfer)) bring(droppedFiles(dataTransfer));
  else openFiles([...dataTransfer.files]);
});
