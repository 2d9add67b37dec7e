/** Pictures inside a page. */
import { encodePng, type PngSource } from "../formats/png.ts";
import { html, type Markup } from "./html.ts";

/** An `img` element that holds its picture. */
export async function image(picture: PngSource, alt: string, className: string): Promise<Markup> {
  const bytes = await encodePng(picture);
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const { width, height } = picture;
  return html`<img class="${className}" src="data:image/png;base64,${base64}" width="${width}" height="${height}" alt="${alt}"/>`;
}
