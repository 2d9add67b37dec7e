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

/** Whether a file is called like a picture, where nothing else is known of it. */
export const hasPictureName = (path: string): boolean => /\.(png|jpe?g|jfif|webp|gif|bmp|avif)$/i.test(path);

/** @throws Error of one line when it is no picture that the browser knows, or nothing is on it */
export async function pngOf(file: Blob, name: string): Promise<Blob> {
  const context = await scaled(file, name);
  const { canvas } = context;
  if (isBlank(context.getImageData(0, 0, canvas.width, canvas.height))) throw new Error(texts.value.open.blank(name));
  return canvas.convertToBlob({ type: "image/png" });
}

/** Whether all pixels are the same: nothing to learn from, and training would refuse it later. */
function isBlank({ data }: ImageData): boolean {
  const pixels = new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  return pixels.every((pixel) => pixel === pixels[0]);
}

/** Pixels that a picture may have before it is decoded: a small file can claim any number. */
const MOST_PIXELS = 100_000_000;

/** Width times height of a PNG, by its first chunk; 0 for other files, which compress far less. */
async function pixelsOfPng(file: Blob): Promise<number> {
  const head = new DataView(await file.slice(0, 24).arrayBuffer());
  if (head.byteLength < 24 || head.getUint32(0) !== 0x89504e47) return 0;
  return head.getUint32(16) * head.getUint32(20);
}

async function scaled(file: Blob, name: string): Promise<OffscreenCanvasRenderingContext2D> {
  if ((await pixelsOfPng(file)) > MOST_PIXELS) throw new Error(texts.value.open.tooLarge(name));
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
