/**
 * The picture files that Ductus reads, as one list: training, prediction, servers and `data inspect` all go by it. What a file
 * is, its first bytes say and not its name; how it is decoded is the platform's business.
 */

/** One format. */
export interface PictureFormat {
  readonly name: string;
  /** What names of such files end in. */
  readonly endings: readonly string[];
  readonly mediaType: string;
  /** First bytes of a file; undefined stands for any byte. */
  readonly begins: readonly (readonly (number | undefined)[])[];
  /** Whether a file has its end, where the format says how to tell. */
  readonly isWhole?: ((bytes: Uint8Array) => boolean) | undefined;
  /** Whether a file may hold several pages or frames, of which the first is read. */
  readonly hasPages?: boolean | undefined;
}

const text = (characters: string): number[] => [...characters].map((character) => character.charCodeAt(0));
const any = (count: number): undefined[] => new Array<undefined>(count).fill(undefined);

/** What comes last in PNG and GIF files, and in JPEG files before what a camera may add. */
const endsWith = (mark: readonly number[], within: number) => (bytes: Uint8Array) => {
  for (let at = bytes.length - mark.length; at >= Math.max(0, bytes.length - within); at--) {
    if (mark.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
};

const END_OF_IMAGE = [0xff, 0xd9];

/** All formats, in the order in which messages name them. */
export const PICTURE_FORMATS: readonly PictureFormat[] = [
  {
    name: "PNG",
    endings: [".png"],
    mediaType: "image/png",
    begins: [[0x89, ...text("PNG\r\n"), 0x1a, 0x0a]],
    isWhole: endsWith(text("IEND"), 64),
  },
  {
    name: "JPEG",
    endings: [".jpg", ".jpeg", ".jpe", ".jfif"],
    mediaType: "image/jpeg",
    begins: [[0xff, 0xd8, 0xff]],
    isWhole: endsWith(END_OF_IMAGE, Number.POSITIVE_INFINITY),
  },
  {
    name: "WebP",
    endings: [".webp"],
    mediaType: "image/webp",
    begins: [[...text("RIFF"), ...any(4), ...text("WEBP")]],
    // RIFF: bytes 4 … 7 count those that follow.
    isWhole: (bytes) => bytes.length >= 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true),
    hasPages: true,
  },
  {
    name: "TIFF",
    endings: [".tif", ".tiff"],
    mediaType: "image/tiff",
    begins: [
      [...text("II"), 42, 0],
      [...text("MM"), 0, 42],
      [...text("II"), 43, 0],
      [...text("MM"), 0, 43],
    ],
    hasPages: true,
  },
  {
    name: "GIF",
    endings: [".gif"],
    mediaType: "image/gif",
    begins: [text("GIF87a"), text("GIF89a")],
    isWhole: endsWith([0x3b], 16),
    hasPages: true,
  },
  {
    name: "AVIF",
    endings: [".avif"],
    mediaType: "image/avif",
    begins: [
      [...any(4), ...text("ftypavif")],
      [...any(4), ...text("ftypavis")],
    ],
    hasPages: true,
  },
];

/** Other files that are taken for pictures, so that a message can say what they are. */
const OTHERS: Readonly<Record<string, readonly (number | undefined)[]>> = {
  "a BMP picture": text("BM"),
  "a PDF file": text("%PDF"),
  "an SVG drawing": text("<svg"),
  "an XML file, such as an SVG drawing": text("<?xml"),
  "a HEIC photograph": [...any(4), ...text("ftyphei")],
  "a HEIF photograph": [...any(4), ...text("ftypmif")],
  "a Photoshop file": text("8BPS"),
  "a JPEG XL picture": [0xff, 0x0a],
  "a web page": text("<!DOCTYPE"),
};

/** `PNG, JPEG, WebP, TIFF, GIF or AVIF`. */
export const PICTURE_KINDS = PICTURE_FORMATS.map(({ name }) => name)
  .join(", ")
  .replace(/, (?=[^,]*$)/, " or ");

/** What names of picture files end in, in lower case. */
export const PICTURE_ENDINGS: readonly string[] = PICTURE_FORMATS.flatMap(({ endings }) => endings);

/** The format of a file; undefined where it is none that Ductus reads. */
export function pictureFormatOf(bytes: Uint8Array): PictureFormat | undefined {
  return PICTURE_FORMATS.find(({ begins }) => begins.some((first) => startsWith(bytes, first)));
}

/** What a file is that is no picture Ductus reads, where its first bytes tell: `a PDF file`. */
export function otherKindOf(bytes: Uint8Array): string | undefined {
  return Object.entries(OTHERS).find(([, first]) => startsWith(bytes, first))?.[0];
}

const startsWith = (bytes: Uint8Array, first: readonly (number | undefined)[]): boolean =>
  first.every((byte, i) => byte === undefined || bytes[i] === byte);
