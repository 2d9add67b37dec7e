/**
 * What kind of file something is, by its content, and what to do with one of another kind than was asked for. One table for
 * every place where a file of weights, a model or a picture is opened; loaded when a file turns out to be something else.
 */
import { DataError } from "../engine/errors.ts";
import { PICTURE_KINDS } from "./picture-formats.ts";
import { fieldNumbers } from "./protobuf.ts";
import { looksLikeSafetensors } from "./safetensors.ts";
import { looksLikeTar } from "./tar.ts";
import { isLegacy } from "./torch-magic.ts";
import { looksLikeZip, zipNames } from "./zip.ts";

/** What a file is wanted as: a model file, weights to start from, a network to import, a picture to read, samples. */
export type Purpose = "model" | "weights" | "import" | "picture" | "data";

/** How the message about a file of another kind begins. */
export const WANTED = {
  model: "is not a model file",
  weights: "holds no weights that can be read",
  import: "is not an ONNX file",
  picture: "is not a picture",
  data: "holds no samples that can be read",
} as const satisfies Record<Purpose, string>;

/** A file, as far as kinds look at it. */
interface Content {
  readonly bytes: Uint8Array;
  /** How it begins, a character a byte. */
  readonly start: string;
  /** Names of the entries of a ZIP archive; none where it is damaged. */
  readonly names: readonly string[];
  /** The field numbers of a protocol buffer; none where it does not begin like one. */
  readonly fields: ReadonlySet<number>;
}

/** So many bytes of its beginning and of its end are looked at. */
const LOOKED_AT = 4096;
/** Bytes below 32 that text has: tab, line feed, form feed, carriage return, escape. */
const WHITE = [9, 10, 12, 13, 27];

/** What to do, in words; null where the kind is what was wanted. `file` is its name. */
type Step = ((file: string) => string) | null;
type Steps = Readonly<Record<Purpose, Step>>;

interface Kind {
  /** Goes on from "it is". */
  readonly name: string;
  readonly recognizes: (content: Content) => boolean;
  readonly steps: Steps;
}

const forData = (): string => "give a folder of pictures by class, a .csv file, or the folder of IDX files";
/** The same step whatever was wanted; in place of pictures there must be pictures, and in place of samples samples. */
const always = (
  step: (file: string) => string,
  picture: Step = () => `give a ${PICTURE_KINDS} file`,
  data: Step = forData,
): Steps => ({ model: step, weights: step, import: step, picture, data });
/** What comes out of the file may be what is wanted, samples too. */
const inside = (step: (file: string) => string): Steps => always(step, undefined, step);
const again = inside(() => "download or copy it again");
/** A network of another framework, which comes in as ONNX. */
const throughOnnx = (how: (file: string) => string): Steps =>
  always((file) => `${how(file)}, then ductus import ${stem(file)}.onnx`, forPicture);
const forPicture = (): string => "the model comes first, then pictures: ductus predict MODEL PICTURE";
const asWeights = (file: string): string => `start from its weights: ductus train --model NAME --init ${file}`;
const asModel = (file: string): string => `data measure it: ductus evaluate ${file} --data DATA`;
const stem = (file: string): string => file.replace(/^.*[\\/]|\.[^.\\/]*$/g, "") || "model";

const begins =
  (...magics: readonly string[]) =>
  ({ start }: Content): boolean =>
    magics.some((magic) => start.startsWith(magic));
const hasEntry =
  (pattern: RegExp) =>
  ({ names }: Content): boolean =>
    names.some((name) => pattern.test(name));
const isText = ({ bytes }: Content): boolean =>
  bytes.length > 0 && bytes.subarray(0, LOOKED_AT).every((byte) => byte >= 32 || WHITE.includes(byte));
const arrays = always(
  arraysToWeights,
  undefined,
  (file) =>
    `write a line per picture, its class first: numpy.savetxt("${stem(file)}.csv", numpy.column_stack([y, x.reshape(len(x), -1)]), "%d", ",")`,
);
const pictureSteps: Steps = {
  model: () => "give the model there, and pictures after it",
  weights: () => "give weights there (.safetensors, .pt)",
  import: () => "give an .onnx file there",
  picture: null,
  data: () => "give the folder above it, with a folder of pictures for each class",
};
const otherPicture: Steps = { ...pictureSteps, picture: () => `save it as ${PICTURE_KINDS}` };
const pickled = (name: string, recognizes: Kind["recognizes"], step: (file: string) => string): Kind => ({
  name,
  recognizes: (content) => content.bytes[0] === 0x80 && isWithin(content.bytes[1], 2, 5) && recognizes(content),
  steps: always(step),
});

/** The first that recognizes a file says what it is. */
const KINDS: readonly Kind[] = [
  { name: "empty", recognizes: ({ bytes }) => bytes.length === 0, steps: again },
  {
    name: "a model file of Ductus",
    recognizes: ({ bytes, start }) => looksLikeSafetensors(bytes) && start.includes('"ductus":"'),
    steps: {
      model: null,
      weights: null,
      import: (file) => `it needs no import: ductus evaluate ${file}`,
      picture: forPicture,
      data: asModel,
    },
  },
  {
    name: "a file of predictions (ductus evaluate --predictions)",
    recognizes: ({ bytes, start }) =>
      looksLikeSafetensors(bytes) && /"labels":\{"dtype":"I32"/.test(start) && start.includes('"logits":{'),
    steps: always(() => "give the model that made them"),
  },
  {
    name: "bare weights (safetensors), without the network that they belong to",
    recognizes: ({ bytes }) => looksLikeSafetensors(bytes),
    steps: { model: asWeights, weights: null, import: asWeights, picture: forPicture, data: asWeights },
  },
  {
    name: "a TorchScript archive (torch.jit.save)",
    recognizes: hasEntry(/(?:^|\/)constants\.pkl$/),
    steps: {
      model: torchScriptWeights,
      weights: torchScriptWeights,
      import: () => "export the network that it was made from: torch.onnx.export(model, example, file)",
      picture: forPicture,
      data: forData,
    },
  },
  {
    name: "an exported program of PyTorch (torch.export.save)",
    recognizes: hasEntry(/(?:^|\/)(?:archive_format|serialized_exported_program\.json)$/),
    steps: {
      model: exportedWeights,
      weights: exportedWeights,
      import: (file) => `in Python: torch.onnx.export(torch.export.load("${file}"), f="${stem(file)}.onnx")`,
      picture: forPicture,
      data: forData,
    },
  },
  {
    name: "a file of weights of PyTorch (torch.save)",
    recognizes: (content) => hasEntry(/^(?:[^/]+\/)?data\.pkl$/)(content) || isLegacy(content.bytes),
    steps: {
      model: asWeights,
      weights: null,
      import: (file) => `it holds weights and no network: export that with torch.onnx.export, or ${asWeights(file)}`,
      picture: forPicture,
      data: asWeights,
    },
  },
  {
    name: "a Keras model (.keras)",
    recognizes: (content) => hasEntry(/^config\.json$/)(content) && hasEntry(/\.h5$/)(content),
    steps: throughOnnx(
      (file) =>
        `convert it with Keras, keras.models.load_model("${file}").export("${stem(file)}.onnx", format="onnx"), or tf2onnx`,
    ),
  },
  {
    name: "an HDF5 file, as Keras writes them (.h5)",
    recognizes: begins("\x89HDF\r\n\x1a\n"),
    steps: throughOnnx(
      (file) => `convert the Keras model: python -m tf2onnx.convert --keras ${file} --output ${stem(file)}.onnx`,
    ),
  },
  {
    name: "arrays of NumPy (.npz)",
    recognizes: ({ names }) => names.length > 0 && names.every((name) => name.endsWith(".npy")),
    steps: arrays,
  },
  {
    name: "a Core ML package in an archive",
    recognizes: hasEntry(/\.mlmodel$|(?:^|\/)com\.apple\.CoreML\//),
    steps: throughOnnx(() => "export the network that it was made from as ONNX"),
  },
  {
    name: "a ZIP archive of something else",
    recognizes: ({ names }) => names.length > 0,
    steps: always(
      () => "unpack it, and give the file that is meant",
      undefined,
      () => "unpack it, and give its folder",
    ),
  },
  { name: "a ZIP archive that is cut short or damaged", recognizes: begins("PK\x03\x04", "PK\x05\x06"), steps: again },
  {
    name: "an ONNX model",
    recognizes: ({ start, fields }) => start.startsWith("\x08") && fields.has(7),
    steps: {
      model: (file) => `bring it in first: ductus import ${file}`,
      weights: (file) => `bring it in: ductus import ${file}, then ductus finetune`,
      import: null,
      picture: forPicture,
      data: (file) => `it is a network: ductus import ${file}`,
    },
  },
  {
    name: "a Core ML model (.mlmodel)",
    recognizes: ({ start, fields }) => start.startsWith("\x08") && [...fields].some((field) => field >= 200),
    steps: throughOnnx(() => "export the network that it was made from as ONNX"),
  },
  {
    name: "a SavedModel of TensorFlow",
    recognizes: ({ start, fields }) => start.startsWith("\x08\x01\x12") && fields.size === 2,
    steps: throughOnnx(
      (file) => `convert its folder: python -m tf2onnx.convert --saved-model FOLDER --output ${stem(file)}.onnx`,
    ),
  },
  {
    name: "a graph of TensorFlow (.pb)",
    // A node, and its name: both are fields of number 1.
    recognizes: ({ bytes, start }) =>
      bytes[0] === 0x0a && isWithin(bytes.indexOf(0x0a, 1), 2, 4) && /Placeholder|Const|NoOp|VarHandleOp/.test(start),
    steps: throughOnnx(
      (file) =>
        `convert it: python -m tf2onnx.convert --graphdef ${file} --inputs … --outputs … --output ${stem(file)}.onnx`,
    ),
  },
  {
    name: "a checkpoint of TensorFlow",
    recognizes: ({ bytes }) => endsWith(bytes, "\x57\xfb\x80\x8b\x24\x75\x47\xdb"),
    steps: throughOnnx(() => "save the model as SavedModel and convert that with tf2onnx"),
  },
  {
    name: "a TensorFlow Lite model (.tflite)",
    recognizes: ({ start }) => start.slice(4, 8) === "TFL3",
    steps: throughOnnx((file) => `convert it: python -m tf2onnx.convert --tflite ${file} --output ${stem(file)}.onnx`),
  },
  {
    name: "a model of ONNX Runtime (.ort)",
    recognizes: ({ start }) => start.slice(4, 8) === "ORTM",
    steps: always(() => "give the .onnx file that it was made from: ductus import FILE.onnx"),
  },
  {
    name: "a GGUF file, a language model",
    recognizes: begins("GGUF"),
    steps: always(() => "Ductus reads handwriting and has no such networks"),
  },
  {
    name: "a WebAssembly module, perhaps an exported recognizer",
    recognizes: begins("\0asm"),
    steps: always(() => "give the model file (.safetensors) that it was exported from"),
  },
  pickled(
    "a pickled model of scikit-learn",
    ({ start }) => start.includes("sklearn"),
    () => "such models cannot be brought in; train a network: ductus train",
  ),
  pickled(
    "a pickle of tensors",
    ({ start }) => start.includes("torch"),
    () => "save them with torch.save(model.state_dict(), file) instead of pickle.dump",
  ),
  pickled(
    "a Python pickle",
    () => true,
    () => "save weights with torch.save(model.state_dict(), file)",
  ),
  { name: "an array of NumPy (.npy)", recognizes: begins("\x93NUMPY"), steps: arrays },
  { name: "a picture (PNG)", recognizes: begins("\x89PNG"), steps: pictureSteps },
  { name: "a picture (JPEG)", recognizes: begins("\xff\xd8\xff"), steps: pictureSteps },
  { name: "a picture (WebP)", recognizes: ({ start }) => /^RIFF....WEBP/s.test(start), steps: pictureSteps },
  { name: "a picture (GIF)", recognizes: begins("GIF8"), steps: otherPicture },
  {
    name: "a picture (BMP)",
    recognizes: ({ start }) => start.startsWith("BM") && start.slice(6, 10) === "\0\0\0\0",
    steps: otherPicture,
  },
  { name: "a picture (TIFF)", recognizes: begins("II*\0", "MM\0*"), steps: otherPicture },
  {
    name: "a picture (HEIC or AVIF)",
    recognizes: ({ start }) => /^....ftyp(?:hei|hev|mif1|avi)/s.test(start),
    steps: otherPicture,
  },
  { name: "a PDF document", recognizes: begins("%PDF"), steps: otherPicture },
  {
    name: "a file of samples (IDX, as MNIST has them)",
    recognizes: ({ bytes, start }) =>
      start.startsWith("\0\0") && isWithin(bytes[2], 0x08, 0x0e) && isWithin(bytes[3], 1, 4) && bytes[4] === 0,
    steps: inside(() => "give its folder as data: --data FOLDER"),
  },
  {
    name: "compressed with gzip",
    recognizes: begins("\x1f\x8b"),
    steps: always(
      (file) => `unpack it first: gzip -d ${file}`,
      undefined,
      (file) => `give the folder of IDX files that it is in, or unpack it: gzip -d ${file}`,
    ),
  },
  {
    name: "compressed (bzip2, xz, zstd or 7z)",
    recognizes: begins("BZh", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "7z\xbc\xaf"),
    steps: inside(() => "unpack it first"),
  },
  {
    name: "compressed with zlib, as joblib does",
    recognizes: (content) => !isText(content) && begins("x\x01", "x^", "x\x9c", "x\xda")(content),
    steps: always(() => "save weights with torch.save(model.state_dict(), file)"),
  },
  {
    name: "a tar archive",
    recognizes: ({ bytes }) => looksLikeTar(bytes),
    steps: inside((file) => `unpack it first: tar xf ${file}`),
  },
  {
    name: "a pointer of Git LFS in place of the file",
    recognizes: begins("version https://git-lfs"),
    steps: inside(() => "fetch the file itself: git lfs pull"),
  },
  {
    name: "a page with an exported recognizer",
    recognizes: ({ bytes, start }) => isPage(start) && /id="model"/.test(new TextDecoder().decode(bytes)),
    steps: always(() => "give the model file (.safetensors) that it was exported from"),
  },
  {
    name: "a web page (HTML), perhaps the message of a server in place of the file",
    recognizes: ({ start }) => isPage(start),
    steps: inside(() => "download the file itself"),
  },
  {
    name: "a model of TensorFlow.js (model.json)",
    recognizes: (content) =>
      isJson(content) &&
      /"(?:weightsManifest|modelTopology|layers-model|graph-model)"/.test(content.start + ending(content.bytes)),
    steps: throughOnnx((file) => `convert it: python -m tf2onnx.convert --tfjs ${file} --output ${stem(file)}.onnx`),
  },
  {
    name: "a list of files with weights (an index of safetensors)",
    recognizes: (content) => isJson(content) && content.start.includes('"weight_map"'),
    steps: always(() => "save the weights as one file"),
  },
  { name: "JSON", recognizes: isJson, steps: always(() => "give the file that it describes") },
  { name: "XML", recognizes: begins("<?xml", "<svg", "\xef\xbb\xbf<?xml"), steps: otherPicture },
  {
    name: "a table (CSV)",
    recognizes: (content) => isText(content) && /^[^\n]*[^\n,;\t][,;\t][^\n]*(?:\n|$)/.test(content.start),
    steps: always(
      (file) => `give it as data: --data ${file}`,
      undefined,
      () => "one of samples has a line for each picture: its label and its pixels, numbers",
    ),
  },
  { name: "text", recognizes: isText, steps: always(() => "give the file that is meant") },
];

function torchScriptWeights(file: string): string {
  const weights = `${stem(file)}-weights.pt`;
  return `save its weights alone, in Python: torch.save(torch.jit.load("${file}").state_dict(), "${weights}"), then --init ${weights}`;
}

function exportedWeights(file: string): string {
  const weights = `${stem(file)}-weights.pt`;
  return `save its weights alone, in Python: torch.save(torch.export.load("${file}").state_dict, "${weights}"), then --init ${weights}`;
}

function arraysToWeights(file: string): string {
  return `save them under the names of weights: safetensors.numpy.save_file(arrays, "${stem(file)}.safetensors"), then --init`;
}

const isWithin = (value: number, least: number, most: number): boolean => value >= least && value <= most;

function isPage(start: string): boolean {
  return /^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|title)\b/i.test(start);
}

function isJson(content: Content): boolean {
  return isText(content) && /^(?:\xef\xbb\xbf)?\s*(?:\{\s*["}]|\[\s*[[{"\d\]-])/.test(content.start);
}

function endsWith(bytes: Uint8Array, end: string): boolean {
  return latin1(bytes.subarray(-end.length)) === end;
}

/** Keys of JSON may come in any order. */
const ending = (bytes: Uint8Array): string => latin1(bytes.subarray(-LOOKED_AT));

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function contentOf(bytes: Uint8Array): Content {
  const start = latin1(bytes.subarray(0, LOOKED_AT));
  return { bytes, start, names: namesOf(bytes), fields: start.startsWith("\x08") ? fieldNumbers(bytes) : new Set() };
}

function namesOf(bytes: Uint8Array): readonly string[] {
  if (!looksLikeZip(bytes)) return [];
  try {
    return zipNames(bytes, "");
  } catch {
    return [];
  }
}

/**
 * What is wrong with a file of a kind that is known and not wanted: what it is, and what to do with it.
 * @param file its name, which starts the message
 */
export function otherKind(bytes: Uint8Array, file: string, purpose: Purpose): DataError | undefined {
  const content = contentOf(bytes);
  const kind = KINDS.find(({ recognizes }) => recognizes(content));
  const step = kind?.steps[purpose];
  if (kind === undefined || !step) return undefined;
  return new DataError(`${file} ${WANTED[purpose]}: it is ${kind.name}; ${step(file)}`);
}

/** Makes sure that a file is of a kind that its reader reads. @throws DataError as {@link otherKind}, or where nobody knows it */
export function refuseOtherKinds(bytes: Uint8Array, file: string, purpose: Purpose): void {
  const content = contentOf(bytes);
  const problem = otherKind(bytes, file, purpose);
  if (problem !== undefined) throw problem;
  if (KINDS.some(({ recognizes }) => recognizes(content))) return;
  throw new DataError(`${file} ${WANTED[purpose]}: its content is of no kind that is known here; it may be damaged`);
}
