/** One place of a page: upright as the reader saw it, and in the photograph with what stands around it. */
import { useEffect, useRef } from "preact/hooks";
import type { Crop, PageNumber } from "../engine/protocol.ts";
import { boxOf } from "./quads.ts";

/** What the reader saw: dark ink on white paper. */
export function CropPicture({ crop, label }: { readonly crop: Crop; readonly label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context === null || context === undefined) return;
    const image = context.createImageData(crop.width, crop.height);
    for (const [i, value] of crop.data.entries()) image.data.set([value, value, value, 255], 4 * i);
    context.putImageData(image, 0, 0);
  }, [crop]);
  return <canvas ref={canvas} class="crop" width={crop.width} height={crop.height} role="img" aria-label={label} />;
}

interface ContextPictureProps {
  readonly picture: Blob;
  readonly quad: PageNumber["quad"];
  /** Of the page, in pixels: that of the decoded picture. */
  readonly width: number;
  readonly label: string;
}

/** How much of the page is shown around a place, in heights and widths of it; the shape of the picture. */
const AROUND = { height: 0.8, width: 0.2, ratio: 3.4 };
/** Pixels of the screen across. */
const ACROSS = 1400;

export function ContextPicture({ picture, quad, width, label }: ContextPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let isOver = false;
    const draw = async (): Promise<void> => {
      const bitmap = await bitmapOf(picture);
      const context = canvas.current?.getContext("2d");
      if (isOver || context === null || context === undefined) return;
      const scale = bitmap.width / width;
      const box = boxOf(quad);
      const height = Math.max(
        box.height * (1 + 2 * AROUND.height),
        (box.width * (1 + 2 * AROUND.width)) / AROUND.ratio,
      );
      const across = height * AROUND.ratio;
      const [left, top] = [box.left + (box.width - across) / 2, box.top + (box.height - height) / 2];
      const to = ACROSS / across;
      context.canvas.width = ACROSS;
      context.canvas.height = Math.round(ACROSS / AROUND.ratio);
      context.fillStyle = "#fff";
      context.fillRect(0, 0, ACROSS, context.canvas.height);
      context.drawImage(
        bitmap,
        left * scale,
        top * scale,
        across * scale,
        height * scale,
        0,
        0,
        ACROSS,
        context.canvas.height,
      );
      const outline = new Path2D();
      for (const [i, { x, y }] of quad.entries())
        outline[i === 0 ? "moveTo" : "lineTo"]((x - left) * to, (y - top) * to);
      outline.closePath();
      // What does not belong to it steps back.
      const around = new Path2D();
      around.rect(0, 0, ACROSS, context.canvas.height);
      around.addPath(outline);
      context.fillStyle = "#fffa";
      context.fill(around, "evenodd");
      context.lineWidth = 3;
      context.strokeStyle = getComputedStyle(context.canvas).getPropertyValue("--on-photo");
      context.stroke(outline);
    };
    draw().catch(console.warn);
    return () => {
      isOver = true;
    };
  }, [picture, quad, width]);
  return <canvas ref={canvas} class="context" role="img" aria-label={label} />;
}

let decoded: { readonly of: Blob; readonly bitmap: Promise<ImageBitmap> } | undefined;

/** The page that places are cut from stays decoded until another one takes its turn. */
function bitmapOf(picture: Blob): Promise<ImageBitmap> {
  if (decoded?.of !== picture) {
    decoded?.bitmap.then(
      (old) => old.close(),
      () => undefined,
    );
    decoded = { of: picture, bitmap: createImageBitmap(picture) };
  }
  return decoded.bitmap;
}
