/** Pictures on their way into the page: files as pixels and as the small PNG that is kept of them. */
import { texts } from "../i18n/i18n.ts";

export const IMAGE_TYPES = "image/png,image/jpeg,image/webp,image/gif,image/bmp,image/avif";

/** The longer side of a picture that is kept or read: networks see far less. */
const LARGEST = 512;

export const isPicture = (file: File): boolean => file.type.startsWith("image/");

/** @throws Error of one line when it is no picture that the browser knows */
export async function pixelsOf(file: Blob, name: string): Promise<ImageData> {
  const context = await scaled(file, name);
  return context.getImageData(0, 0, context.canvas.width, context.canvas.height);
}

/** @throws Error of one line when it is no picture that the browser knows */
export async function pngOf(file: Blob, name: string): Promise<Blob> {
  const { canvas } = await scaled(file, name);
  return canvas.convertToBlob({ type: "image/png" });
}

async function scaled(file: Blob, name: string): Promise<OffscreenCanvasRenderingContext2D> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (error) {
    throw new Error(texts.value.open.picture(name), { cause: error });
  }
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(bitmap.width * scale)),
    Math.max(1, Math.round(bitmap.height * scale)),
  );
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("the browser gives no canvas to draw on");
  // Clear pixels are paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return context;
}
