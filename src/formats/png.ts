/** Writes PNG files (ISO/IEC 15948): 8 bits, gray or RGB, one chunk of data. For pictures in reports and event files. */
import { crc32 } from "./checksum.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Color type by number of channels. */
const COLOR_TYPE = { 1: 0, 3: 2 } as const;

/** Pixels 0 … 255, row by row, channels interleaved. */
export interface PngSource {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, channels, data }: PngSource): Promise<Uint8Array> {
  const line = width * channels;
  // Each line begins with its filter: none.
  const lines = new Uint8Array(height * (line + 1));
  for (let y = 0; y < height; y++) lines.set(data.subarray(y * line, (y + 1) * line), y * (line + 1) + 1);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, COLOR_TYPE[channels], 0, 0, 0], 8);
  const chunks = [chunk("IHDR", header), chunk("IDAT", await deflate(lines)), chunk("IEND", new Uint8Array(0))];
  return Uint8Array.from([...SIGNATURE, ...chunks.flatMap((bytes) => [...bytes])]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** zlib's format, by the streams that browsers and Node have. */
async function deflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
