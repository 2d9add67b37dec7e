/** A photograph for an exported page: by the camera of a phone, or from a live view in a dialog. */
import { DataError } from "../../engine/errors.ts";

/** Of a photograph: a page should fill it, and its writing be high enough. */
const WIDE = 3840;
const QUALITY = 0.95;

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

/** Whether a live view can be asked for; phones have a camera of their own behind an input. */
export const hasLiveView = (): boolean => navigator.mediaDevices?.getUserMedia !== undefined;

/**
 * Shows what the camera sees until somebody takes a picture.
 * @returns undefined when that was called off
 * @throws DataError when there is no camera, or the page may not use it
 */
export async function takePhotograph(): Promise<File | undefined> {
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: WIDE } },
    });
  } catch (cause) {
    throw new DataError("the camera cannot be used here; allow it for this page, or choose a picture", { cause });
  }
  const [dialog, view] = [element<HTMLDialogElement>("camera"), element<HTMLVideoElement>("view")];
  view.srcObject = stream;
  dialog.showModal();
  try {
    const isTaken = await new Promise<boolean>((resolve) => {
      element("take").onclick = () => resolve(true);
      element("cancel").onclick = () => resolve(false);
      dialog.onclose = () => resolve(false);
    });
    return isTaken ? await stillOf(view) : undefined;
  } finally {
    dialog.close();
    view.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}

async function stillOf(view: HTMLVideoElement): Promise<File> {
  const canvas = document.createElement("canvas");
  canvas.width = view.videoWidth;
  canvas.height = view.videoHeight;
  canvas.getContext("2d")?.drawImage(view, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (blob === null) throw new DataError("the camera shows nothing yet; wait for its picture");
  return new File([blob], "photograph.jpg", { type: blob.type });
}
