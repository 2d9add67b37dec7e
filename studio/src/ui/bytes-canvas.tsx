/** Small pictures made of numbers: what a network sees, where it looks, what its layers give. In ink on the page's paper. */
import { useEffect, useRef } from "preact/hooks";
import type { LayerActivation } from "../engine/protocol.ts";
import { dark } from "../state/theme.ts";

type Color = readonly [red: number, green: number, blue: number];

/** Ink; the blue of the answer, of what speaks for it and is above zero; the brown of what is below. On light and on dark paper. */
const COLORS = {
  light: { ink: [24, 27, 40], above: [52, 74, 214], below: [138, 98, 40] },
  dark: { ink: [236, 238, 244], above: [140, 156, 255], below: [205, 165, 104] },
} as const satisfies Record<string, Record<string, Color>>;

interface NumbersCanvasProps {
  readonly width: number;
  readonly height: number;
  readonly label?: string | undefined;
  readonly class?: string | undefined;
  /** What the picture shows: drawn again when it changes. */
  readonly of: unknown;
  paint(image: ImageData, colors: (typeof COLORS)["light" | "dark"]): void;
}

function NumbersCanvas({ width, height, label, of, paint, ...rest }: NumbersCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = dark.value;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context === null || context === undefined) return;
    const image = context.createImageData(width, height);
    paint(image, COLORS[isDark ? "dark" : "light"]);
    context.putImageData(image, 0, 0);
  }, [of, width, height, isDark]);
  return (
    <canvas
      ref={canvas}
      class={`numbers ${rest.class ?? ""}`}
      width={width}
      height={height}
      {...(label === undefined ? { "aria-hidden": "true" as const } : { role: "img" as const, "aria-label": label })}
    />
  );
}

function set(image: ImageData, index: number, [red, green, blue]: Color, alpha: number): void {
  image.data[index * 4] = red;
  image.data[index * 4 + 1] = green;
  image.data[index * 4 + 2] = blue;
  image.data[index * 4 + 3] = 255 * alpha;
}

interface SeenProps {
  /** Bytes [height, width, channels]; undefined: a blank picture. */
  readonly pixels: Uint8Array | undefined;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly label?: string | undefined;
  readonly class?: string | undefined;
}

/** What a network sees. Gray is drawn in ink, as it was written; colors as they are. */
export function Seen({ pixels, shape, ...rest }: SeenProps) {
  const [height, width, channels] = shape;
  return (
    <NumbersCanvas
      {...rest}
      width={width}
      height={height}
      of={pixels}
      paint={(image, { ink }) => {
        if (pixels === undefined) return;
        for (let i = 0; i < width * height; i++) {
          if (channels < 3) set(image, i, ink, pixels[i * channels] / 255);
          else set(image, i, [pixels[i * channels], pixels[i * channels + 1], pixels[i * channels + 2]], 1);
        }
      }}
    />
  );
}

interface AttentionProps {
  /** [height, width], 0 … 1 */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Where a network looks, in blue, to lie over what it sees. */
export function Attention({ values, width, height }: AttentionProps) {
  return (
    <NumbersCanvas
      class="over"
      width={width}
      height={height}
      of={values}
      paint={(image, { above }) => {
        for (let i = 0; i < width * height; i++) set(image, i, above, 0.85 * Math.max(0, values[i]));
      }}
    />
  );
}

/** Between the maps of a mosaic, in pixels of it. */
const GAP = 2;
/** A layer of more maps shows the first. */
const MOST_MAPS = 64;

/** The maps of a layer side by side: above zero in blue, below in brown, the largest darkest. */
export function Mosaic({ layer, label }: { readonly layer: LayerActivation; readonly label?: string | undefined }) {
  const { columns, rows, shown } = mosaicOf(layer);
  const [height, width, channels] = layer.shape;
  return (
    <NumbersCanvas
      {...(label !== undefined && { label })}
      width={columns * (width + GAP) - GAP}
      height={rows * (height + GAP) - GAP}
      of={layer.values}
      paint={(image, { above, below }) => {
        const largest = layer.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
        for (let map = 0; map < shown; map++) {
          const left = (map % columns) * (width + GAP);
          const top = Math.floor(map / columns) * (height + GAP);
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const value = layer.values[(y * width + x) * channels + map] / largest;
              // A trace of ink where there is nothing, so that the edges of a map are seen.
              set(image, (top + y) * image.width + left + x, value < 0 ? below : above, 0.05 + 0.95 * Math.abs(value));
            }
          }
        }
      }}
    />
  );
}

/** How many maps of a layer are shown, and in how many columns: close to a square. */
export function mosaicOf({ shape }: LayerActivation): { columns: number; rows: number; shown: number } {
  const [height, width, channels] = shape;
  const isVector = height === 1 && width === 1;
  const shown = isVector ? channels : Math.min(channels, MOST_MAPS);
  const columns = Math.ceil(Math.sqrt(shown));
  return { columns, rows: Math.ceil(shown / columns), shown };
}
